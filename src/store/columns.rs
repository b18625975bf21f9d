//! How the words of the domain stand in columns: enums as their text, identities as what they wrap.

use crate::domain::act::{ActKind, ActState};
use crate::domain::credit::{Credits, NanoUsd};
use crate::domain::document::DocumentKind;
use crate::domain::event::ProposalState;
use crate::domain::ids::{
    AccountId, ActId, CommandId, DocumentId, InstallationId, Lease, RepositoryId, TaskId,
};
use crate::domain::task::{End, Kind, Phase, Priority, Status};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Encode, Type};
use uuid::Uuid;

macro_rules! text_columns {
    ($($name:ident),* $(,)?) => { $(
        impl<DB: Database> Type<DB> for $name where str: Type<DB> {
            fn type_info() -> DB::TypeInfo { <str as Type<DB>>::type_info() }
            fn compatible(given: &DB::TypeInfo) -> bool { <str as Type<DB>>::compatible(given) }
        }
        impl<'q, DB: Database> Encode<'q, DB> for $name where &'static str: Encode<'q, DB> {
            fn encode_by_ref(&self, buffer: &mut <DB as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                <&'static str as Encode<'q, DB>>::encode(self.as_str(), buffer)
            }
        }
        impl<'r, DB: Database> Decode<'r, DB> for $name where &'r str: Decode<'r, DB> {
            fn decode(value: <DB as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                Ok(<&'r str as Decode<'r, DB>>::decode(value)?.parse()?)
            }
        }
    )* };
}

macro_rules! wrapping_columns {
    ($inner:ty: $($name:ident),* $(,)?) => { $(
        impl<DB: Database> Type<DB> for $name where $inner: Type<DB> {
            fn type_info() -> DB::TypeInfo { <$inner as Type<DB>>::type_info() }
            fn compatible(given: &DB::TypeInfo) -> bool { <$inner as Type<DB>>::compatible(given) }
        }
        impl<'q, DB: Database> Encode<'q, DB> for $name where $inner: Encode<'q, DB> {
            fn encode_by_ref(&self, buffer: &mut <DB as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                self.0.encode_by_ref(buffer)
            }
        }
        impl<'r, DB: Database> Decode<'r, DB> for $name where $inner: Decode<'r, DB> {
            fn decode(value: <DB as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                Ok($name(<$inner as Decode<'r, DB>>::decode(value)?))
            }
        }
    )* };
}

text_columns!(ActKind, ActState, DocumentKind, End, Kind, Phase, Priority, ProposalState, Status);
wrapping_columns!(i64: AccountId, InstallationId, RepositoryId, Lease, Credits, NanoUsd);
wrapping_columns!(Uuid: ActId, CommandId, DocumentId, TaskId);
