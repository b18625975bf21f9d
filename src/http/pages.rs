//! Pages for people: the App's home, and where a check run's "Details" leads, which is how a task stands
//! without anything of its repository, because nobody is signed in.

use super::Http;
use super::error::HttpError;
use crate::domain::ids::TaskId;
use crate::domain::report::{answer, receipt, status};
use crate::store::views::Addresses;
use axum::extract::{Path, State};
use uuid::Uuid;

pub(super) async fn home() -> String {
    answer::home()
}

pub(super) async fn task(
    State(http): State<Http>,
    Path(id): Path<String>,
) -> Result<String, HttpError> {
    let id = Uuid::parse_str(&id).map_err(|_| HttpError::NotFound)?;
    let view = http
        .store
        .task_view(TaskId(id), &http.catalog, Addresses { here: "", github: "" })
        .await
        .map_err(|_| HttpError::NotFound)?;
    let state = status::state(&view);
    Ok(format!("Async Coder · {} · {state}\n{}\n", view.kind, receipt::receipt(&view)))
}
