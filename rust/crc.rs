//! CRC-32 (IEEE 802.3, the one of zlib), koa-session's fingerprint of a session. It knows only octets.

/// Returns the checksum of `data`. Source: koa-session `util.hash`.
#[must_use]
pub fn crc32(data: &[u8]) -> u32 {
    crc32fast::hash(data)
}

#[cfg(test)]
mod tests {
    use super::crc32;

    #[test]
    fn agrees_with_the_published_check_value() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
