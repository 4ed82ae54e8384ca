//! `belay rtc`

use chrono::{Datelike as _, Local, NaiveDate, NaiveDateTime, Timelike as _, Utc};
use serde_json::json;

use super::Json;
use crate::bench::Bench;
use crate::board::Tool as _;
use crate::failure::Failure;
use crate::json;
use crate::screen::line;

/// Says what the board's clock shows, or sets it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  belay rtc\n  belay rtc --set")]
pub(crate) struct Arguments {
    /// Sets it to this machine's local time
    #[arg(long)]
    set: bool,
    /// Uses Coordinated Universal Time (UTC) in place of local time
    #[arg(long)]
    utc: bool,
    #[command(flatten)]
    json: Json,
}

type Told = (u16, u8, u8, u8, u8, u8, u8);

pub(crate) async fn run(arguments: Arguments, bench: &mut Bench) -> Result<(), Failure> {
    let Arguments { set, utc, json } = arguments;
    let tool = bench.board().await?.tool().await?;
    let now = || {
        if utc {
            Utc::now().naive_utc()
        } else {
            Local::now().naive_local()
        }
    };
    if set {
        tool.set_clock(told(now())).await.map_err(no_clock)?;
    }
    let clock = tool.clock().await.map_err(no_clock)?;
    let Some(shown) = read(clock) else {
        return Err(
            Failure::failed(format!("the board's clock shows no valid time: {clock:?}"))
                .with_help("`belay rtc --set` sets it"),
        );
    };
    let behind = (now() - shown).num_seconds();
    if json.json {
        let time = shown.format("%Y-%m-%dT%H:%M:%S").to_string();
        return json::line(&json!({ "time": time, "behind_seconds": behind }));
    }
    let time = shown.format("%Y-%m-%d %H:%M:%S");
    let beside = match behind {
        -1..=1 => "as here".to_owned(),
        late if late > 0 => format!("{late} s behind"),
        early => format!("{} s ahead", -early),
    };
    Ok(line!("{time}  ({beside})")?)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "all but the year are below 60, and that is of this century"
)]
fn told(time: NaiveDateTime) -> Told {
    let weekday = time.weekday().num_days_from_monday() as u8;
    let (month, day) = (time.month() as u8, time.day() as u8);
    let (hour, minute, second) = (time.hour() as u8, time.minute() as u8, time.second() as u8);
    (
        u16::try_from(time.year()).unwrap_or(2000),
        month,
        day,
        weekday,
        hour,
        minute,
        second,
    )
}

fn read((year, month, day, _, hour, minute, second): Told) -> Option<NaiveDateTime> {
    let date = NaiveDate::from_ymd_opt(year.into(), month.into(), day.into())?;
    date.and_hms_opt(hour.into(), minute.into(), second.into())
}

/// The failure for what a board without a clock raises.
fn no_clock(error: belay::Error) -> Failure {
    match error.exception() {
        Some(exception) if exception.is("ImportError") || exception.is("AttributeError") => {
            Failure::failed("the board has no clock that Python can read")
        }
        _ => error.into(),
    }
}
