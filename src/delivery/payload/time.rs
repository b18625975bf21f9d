//! Times as GitHub writes them: mostly as text, and as a number of seconds where it forgot to.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Seconds(i64),
    Text(DateTime<Utc>),
}

/// Either of both; nothing is the beginning of time.
pub(super) fn number_or_text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<DateTime<Utc>, D::Error> {
    Ok(match Option::<Written>::deserialize(deserializer)? {
        Some(Written::Text(at)) => at,
        Some(Written::Seconds(seconds)) => DateTime::from_timestamp(seconds, 0).unwrap_or_default(),
        None => DateTime::UNIX_EPOCH,
    })
}
