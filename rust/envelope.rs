//! The envelope of a session, its last members: when it ends, its lifetime, its owner. It must not know the data.

/// The envelope of one session. Times in milliseconds since 1970, lifetimes in milliseconds.
pub struct Envelope<'a> {
    /// When the session ends; `None`: with the browser, or when its store says.
    pub expire_ms: Option<i64>,
    /// Its lifetime from each renewal; `None`: until the browser closes.
    pub max_age_ms: Option<i64>,
    /// When it began, if `absolute_age` is set.
    pub created_ms: Option<i64>,
    /// Its owner, as JSON text.
    pub owner: Option<&'a [u8]>,
}

impl Envelope<'_> {
    /// Adds the envelope to `text`, a JSON object, as its last members.
    ///
    /// koa: `_expire` and `_maxAge` end the text, or `_session` if there is no expiry; our own members come before.
    pub fn write(&self, text: &mut Vec<u8>) {
        text.pop_if(|octet| *octet == b'}');
        if let Some(created_ms) = self.created_ms {
            number(br#""_created":"#, created_ms, text);
        }
        if let Some(owner) = self.owner {
            member(br#""_owner":"#, text);
            text.extend_from_slice(owner);
        }
        if let Some(max_age_ms) = self.max_age_ms {
            if let Some(expire_ms) = self.expire_ms {
                number(br#""_expire":"#, expire_ms, text);
            }
            number(br#""_maxAge":"#, max_age_ms, text);
        } else {
            member(br#""_session":true"#, text);
        }
        text.push(b'}');
    }
}

/// Appends the start of a member, with a comma unless it is the first.
fn member(start: &[u8], text: &mut Vec<u8>) {
    if text.last() != Some(&b'{') {
        text.push(b',');
    }
    text.extend_from_slice(start);
}

fn number(start: &[u8], number: i64, text: &mut Vec<u8>) {
    member(start, text);
    crate::json::write_integer(number, text);
}

#[cfg(test)]
mod tests {
    use super::Envelope;

    fn text(body: &str, envelope: &Envelope) -> String {
        let mut text = Vec::from(body);
        envelope.write(&mut text);
        String::from_utf8_lossy(&text).into()
    }

    #[test]
    fn ends_as_koa_ends() {
        let dated = Envelope { expire_ms: Some(12), max_age_ms: Some(-3), created_ms: None, owner: None };
        assert_eq!(text(r#"{"a":1}"#, &dated), r#"{"a":1,"_expire":12,"_maxAge":-3}"#);
        assert_eq!(text("{}", &dated), r#"{"_expire":12,"_maxAge":-3}"#);
        let stored = Envelope { expire_ms: None, ..dated };
        assert_eq!(text("{}", &stored), r#"{"_maxAge":-3}"#);
        let bound = Envelope { expire_ms: None, max_age_ms: None, created_ms: Some(9), owner: Some(b"\"x\"") };
        assert_eq!(text("{}", &bound), r#"{"_created":9,"_owner":"x","_session":true}"#);
    }
}
