//! Threads of a review: which one a comment began, and that it is dealt with. Only GraphQL knows them.
//! <https://docs.github.com/graphql/reference/mutations#resolvereviewthread>

use super::error::GitHubError;
use super::{Client, GitHub, Place, Purpose};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

const THREADS: &str = "query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) {
    reviewThreads(first: 100, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { id isResolved comments(first: 1) { nodes { databaseId } } }
    } } } }";
const RESOLVE: &str = "mutation($thread: ID!) {
  resolveReviewThread(input: { threadId: $thread }) { thread { id isResolved } } }";
/// Pages of threads that are looked through.
const MOST_PAGES: usize = 20;
/// GraphQL says that there is a limit, and not when it ends.
const UNSPOKEN_WAIT: Duration = Duration::from_mins(1);

/// GraphQL answers 200 whatever happened.
#[derive(Deserialize)]
struct Answer {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(rename = "type", default)]
    kind: String,
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Threads {
    page_info: PageInfo,
    nodes: Vec<Thread>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Thread {
    id: String,
    is_resolved: bool,
    comments: Comments,
}

#[derive(Deserialize)]
struct Comments {
    nodes: Vec<Comment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Comment {
    database_id: Option<i64>,
}

impl GitHub {
    /// Marks the thread that a comment began as dealt with. A thread that is gone needs nothing.
    pub(crate) async fn resolve_thread(
        &self,
        place: &Place,
        number: i64,
        first: i64,
    ) -> Result<(), GitHubError> {
        let client = self.graph_in(place, Purpose::Talk).await?;
        let found = self.thread_of(&client, place, number, first).await?;
        let Some(thread) = found.filter(|thread| !thread.is_resolved) else { return Ok(()) };
        self.graphql(&client, RESOLVE, json!({ "thread": thread.id })).await?;
        Ok(())
    }

    async fn thread_of(
        &self,
        client: &Client,
        place: &Place,
        number: i64,
        first: i64,
    ) -> Result<Option<Thread>, GitHubError> {
        let mut after = None;
        for _ in 0..MOST_PAGES {
            let variables = json!({
                "owner": place.name.owner,
                "name": place.name.name,
                "number": number,
                "after": after,
            });
            let data = self.graphql(client, THREADS, variables).await?;
            let page = data.pointer("/repository/pullRequest/reviewThreads").cloned();
            let page: Threads = serde_json::from_value(page.unwrap_or_default())
                .map_err(|error| GitHubError::Unwell(format!("no threads: {error}")))?;
            let begun = |thread: &Thread| {
                thread.comments.nodes.first().is_some_and(|c| c.database_id == Some(first))
            };
            if let Some(thread) = page.nodes.into_iter().find(begun) {
                return Ok(Some(thread));
            }
            if !page.page_info.has_next_page {
                break;
            }
            after = page.page_info.end_cursor;
        }
        Ok(None)
    }

    async fn graphql(
        &self,
        client: &Client,
        query: &str,
        variables: Value,
    ) -> Result<Value, GitHubError> {
        let body = json!({ "query": query, "variables": variables });
        let answer: Answer = self.post(client, "/graphql", &body).await?;
        let Some(fault) = answer.errors.into_iter().next() else {
            return answer.data.ok_or_else(|| GitHubError::Unwell("no data".to_owned()));
        };
        Err(match fault.kind.as_str() {
            "NOT_FOUND" => GitHubError::NotFound(fault.message),
            "FORBIDDEN" => GitHubError::Lacks("the permission `pull_requests: write`".to_owned()),
            "RATE_LIMITED" => GitHubError::Limited(UNSPOKEN_WAIT),
            _ => GitHubError::Refused { status: 200, message: fault.message },
        })
    }
}
