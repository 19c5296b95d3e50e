//! HTTP dates, against a calendar that counts its years and months one by one.

use _native::cookie::write_date;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const LAST_SECOND: i64 = 253_402_300_799;

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn length(year: i64, month: usize) -> i64 {
    match month {
        1 => 28 + i64::from(is_leap(year)),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// Writes a date, the plain way.
fn model(at_ms: i64) -> String {
    let seconds = at_ms.div_euclid(1000).clamp(0, LAST_SECOND);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // The calendar comes round every 400 years.
    let (mut left, mut year, mut month) = (days % 146_097, 1970 + days / 146_097 * 400, 0);
    while left >= 365 + i64::from(is_leap(year)) {
        left -= 365 + i64::from(is_leap(year));
        year += 1;
    }
    while left >= length(year, month) {
        left -= length(year, month);
        month += 1;
    }
    let weekday = usize::try_from(days % 7).map_or("", |day| DAYS[day]);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{weekday}, {:02} {} {year} {hour:02}:{minute:02}:{:02} GMT", left + 1, MONTHS[month], second % 60)
}

/// Holds for every time.
pub fn holds(at_ms: i64) {
    let mut line = b"expires=".to_vec();
    write_date(at_ms, &mut line);
    assert_eq!(String::from_utf8_lossy(&line), format!("expires={}", model(at_ms)), "{at_ms}");
    assert_eq!(line.len(), b"expires=".len() + 29, "{at_ms}");
}
