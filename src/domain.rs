//! The words and rules of the trade: pure values that every other room speaks in.
//!
//! Nothing here does IO, waits, reads a clock or the environment, or knows that a database or
//! GitHub exists. A rule that can be stated without those belongs here, because here it can be
//! tested with a value in and a value out.

pub mod act;
pub mod catalog;
pub mod command;
pub mod credit;
pub mod diff;
pub mod document;
pub mod event;
pub mod handed_over;
pub mod ids;
pub mod limits;
pub mod pace;
pub mod places;
pub mod plan;
pub mod policy;
pub mod repo_config;
pub mod report;
pub mod review;
pub mod secrets;
mod settings;
pub mod setup;
pub mod task;
pub mod text;
pub mod verification;

/// Declares an enum whose variants have one stable text each: the text that is stored, logged and
/// shown. Parsing is the exact inverse of printing.
macro_rules! text_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vmeta])* $variant),* }

        impl $name {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The stable text.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::UnknownText;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok($name::$variant),)*
                    _ => Err($crate::domain::UnknownText { expected: stringify!($name), text: text.to_owned() }),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                // Models read this message: it has to name the choices.
                text.parse().map_err(|_| serde::de::Error::unknown_variant(&text, &[$($text),*]))
            }
        }
    };
}
pub(crate) use text_enum;

/// A text that is none of those an enum of the domain knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {expected}")]
pub struct UnknownText {
    /// The name of the enum.
    pub expected: &'static str,
    /// What was given.
    pub text: String,
}
