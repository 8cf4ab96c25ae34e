//! Numbers, sizes, durations and dates for people.

use part_core::{Millis, Timestamp};

/// `1 spec`, `2 specs`.
pub(crate) fn count(number: impl Into<u64>, thing: &str) -> String {
    let number = number.into();
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// A share of a whole in whole per cent, rounded down: 100 is only said when it is all.
pub(crate) fn percent(part: u64, whole: u64) -> u64 {
    (part * 100).checked_div(whole).unwrap_or(100)
}

/// A size with a unit, to three digits.
pub(crate) fn bytes(size: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if size < 1000 {
        return format!("{size} B");
    }
    let mut value = size as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = if value < 9.995 {
        2
    } else if value < 99.95 {
        1
    } else {
        0
    };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// How long something took: `54ms`, `4.2s`, `1m05s`.
pub(crate) fn took(time: Millis) -> String {
    time.to_string()
}

/// A stopwatch that keeps its width: `0.1s`, `4.2s`, `1m05s`.
pub(crate) fn elapsed(time: Millis) -> String {
    if time.0 < 60_000 { format!("{}.{}s", time.0 / 1000, time.0 % 1000 / 100) } else { time.to_string() }
}

/// How long ago something was, roughly.
pub(crate) fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.since(then).0 / 1000;
    match seconds {
        0..=1 => "just now".to_owned(),
        2..=119 => format!("{seconds}s ago"),
        120..=7199 => format!("{}m ago", seconds / 60),
        7200..=172_799 => format!("{}h ago", seconds / 3600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

/// A moment in the local time zone, to the second.
pub(crate) fn day_and_time(moment: Timestamp) -> String {
    let zone = jiff::tz::TimeZone::system();
    let moment = i64::try_from(moment.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    moment.map_or_else(
        || "at an unknown time".to_owned(),
        |moment| moment.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!([count(1_u32, "spec"), count(0_u32, "spec")], ["1 spec", "0 specs"]);
        assert_eq!([percent(0, 0), percent(999, 1000), percent(3, 4)], [100, 99, 75]);
        let sizes =
            [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (12_345, "12.3 kB"), (999_600, "1.00 MB")];
        for (size, shown) in sizes {
            assert_eq!(bytes(size), shown);
        }
        let times = [(0, "0.0s"), (4210, "4.2s"), (59_999, "59.9s"), (65_000, "1m05s"), (3_660_000, "1h01m")];
        for (time, shown) in times {
            assert_eq!(elapsed(Millis(time)), shown);
        }
        let now = Timestamp(1_000_000_000);
        let agos = [(0, "just now"), (60_000, "60s ago"), (600_000, "10m ago"), (90_000_000, "25h ago")];
        for (since, shown) in agos {
            assert_eq!(ago(Timestamp(now.0 - since), now), shown);
        }
    }
}
