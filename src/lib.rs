//! Async Coder: a GitHub App. People type `/asynccoder …` under an issue; Async Coder does the work
//! with a language model and answers with a branch, a pull request and a check run.
//!
//! This page is the map of the house: the idea, one walk through it, its rooms, and what it never
//! does. How to run it stands in `README.md`.
//!
//! # Bird's eye
//!
//! ```text
//!            ┌─────────────── GitHub ◄───────────────┐
//!            ▼                                       │
//!  http ─► deliveries ─► intake ─► commands          │
//!                                     │              │
//!                          admission ─┤           outbox
//!                                     ▼              ▲
//!                                   tasks ─► worker ─┤ acts
//!                                                    │ documents
//!                                     └──────────────┘
//! ```
//!
//! GitHub → inbox → **database** → attempt → outbox → GitHub. The left half writes rows and answers;
//! the right half reads rows and acts. They never call each other. What they share is vocabulary
//! ([`domain`]) and memory ([`store`]). A crash anywhere is a pause, because nothing lives between
//! the rooms: whoever comes next reads the same rows.
//!
//! Whoever waits is woken by a bell ([`store::Bells`]) after a commit, and looks every second
//! without one, so a lost bell costs a second and nothing else.
//!
//! # Walkthrough: from a comment to a pull request
//!
//! 1. **Webhook.** [`http`] reads the body with a bound, verifies its signature over the raw bytes
//!    ([`delivery::signature`]), stores one row and answers 202. Deliveries that arrive together are
//!    written together ([`store::deliveries`]). Nobody else is asked anything.
//! 2. **Intake.** [`intake`] reads stored deliveries ([`delivery::payload`]) and writes what follows:
//!    the account with its bonus, the repository, and one command for each command line
//!    ([`domain::command::parse`]). A command's key is made of the comment and its words, so the same
//!    delivery, or the same comment in another delivery, changes nothing.
//! 3. **Admission.** [`admission`] claims a command, asks GitHub what the sender may do and how the
//!    repository stands, and lets [`domain::policy::decide`] decide: a free answer, a refusal that
//!    says what to do next, or a task. Hold, task and first acts are one transaction
//!    ([`store::commands`]).
//! 4. **Attempt.** [`worker`] claims the task with a lease ([`store::claims`]), makes a worktree at
//!    the pinned commit ([`git`]), and runs the agent in it. [`agent::turn`] decides what is next;
//!    [`agent::run`] calls the model ([`llm`]), runs the tools, and hands each step to the
//!    [`agent::Journal`] before the next begins, so that another attempt can go on from there. Commands
//!    run behind the walls of [`sandbox`], and so do the repository's own checks, on exactly the tree
//!    that would be pushed ([`domain::verification`]); what those need is fetched before the first of
//!    them, through the only door in the walls ([`domain::setup`]). The result is checked as a tree,
//!    becomes a commit that comes out the same wherever it is made, and is *sealed*: result and acts in
//!    one transaction.
//! 5. **Outbox.** [`outbox`] holds the writer lease of the account, carries out the acts one after
//!    the other (👀, push, pull request; [`domain::act`]) and keeps the documents current (status
//!    comment, check run; [`domain::document`]), rendered by [`domain::report`] at the moment of
//!    sending. The last required act ends the task and settles what it cost ([`domain::credit`]) in
//!    the same transaction.
//!
//! What GitHub failed to tell is asked for by [`reconcile`]: deliveries that did not arrive,
//! installations that are gone.
//!
//! # Rooms
//!
//! `foo.rs` is the door of the room `foo/`: vocabulary and story in the door, the work inside. A room
//! may name the rooms in its last column, `domain` and, from rank 2 on, `config` and `telemetry`; it
//! names no other, and [`simulator`] names none at all. `tests/it/laws/layers.rs` holds this table
//! against the code.
//!
//! | rank | room | knows | may use |
//! |---|---|---|---|
//! | 0 | [`domain`] | the words and rules of the trade: pure values | – |
//! | 1 | [`config`], [`telemetry`] | the environment; the log | – |
//! | 1 | [`disk`] | removing the folders of commands | – |
//! | 1 | [`delivery`] | bytes → verified → event | – |
//! | 2 | [`store`] | the database: all SQL, one table one file; verbs, each one transaction | – |
//! | 2 | [`github`] | the REST API of GitHub, and tokens | – |
//! | 2 | [`git`] | the git program: mirrors, worktrees, commits, pushes | `disk` |
//! | 2 | [`sandbox`] | running a foreign command where nothing can get out | `disk` |
//! | 2 | [`llm`] | the model services | – |
//! | 3 | [`agent`] | one conversation with a model over one workspace | `sandbox`, `llm` |
//! | 3 | [`outbox`] | acts and documents | `store`, `github`, `git` |
//! | 4 | [`intake`] | event → rows | `store`, `delivery` |
//! | 4 | [`reconcile`] | what events did not tell; what is old | `store`, `github` |
//! | 5 | [`admission`] | command → task, answer or refusal | `store`, `github` |
//! | 5 | [`worker`] | slots, leases, attempts | `disk`, `store`, `github`, `git`, `sandbox`, `llm`, `agent` |
//! | 6 | [`http`] | the routes | `store`, `delivery` |
//! | 6 | [`doctor`] | is this set-up sound | `store`, `github`, `git`, `sandbox`, `delivery` |
//! | 6 | [`simulate`] | what would this delivery do | `store`, `github`, `delivery`, `intake` |
//! | 7 | [`app`] | builds every room once, starts and stops them, decides nothing | `store`, `github`, `git`, `sandbox`, `llm`, `outbox`, `intake`, `reconcile`, `admission`, `worker`, `http` |
//! | 8 | [`demo`] | the whole story on loopback | `app`, `simulator` |
//! | 9 | [`cli`] | the command line, called by `main` | `store`, `sandbox`, `app`, `doctor`, `simulate`, `demo` |
//! | 0 | [`simulator`] | GitHub and a model service on loopback; its own signatures, tokens and git, so that no mistake is shared: not even `domain` is used | – |
//!
//! Public are the rooms that tests drive and the program starts. [`llm`] is public because its words
//! are in the signatures of [`agent`].
//!
//! # Invariants
//!
//! What is absent, and the test that would notice its return (below `tests/it`):
//!
//! - **A 2xx to a webhook without a durable row; a row for a body whose signature did not verify.**
//!   Only a ping is answered without being stored. `stories/webhook.rs`
//! - **A call to GitHub or to a model while a webhook waits.** [`http`] cannot even name them.
//!   `laws/layers.rs`
//! - **IO, waiting, a clock or the environment in [`domain`].** `laws/layers.rs`
//! - **SQL outside [`store`]; git started outside `git/command.rs`; the environment read outside
//!   [`config`].** `laws/layers.rs`
//! - **Two tasks for one command of one comment**, however often it is delivered.
//!   `stories/webhook.rs`
//! - **A write by an attempt or a writer without its live lease.** It changes nothing.
//!   `laws/store.rs`, `stories/frozen.rs`
//! - **An act on GitHub without a stored row before it.** `stories/every_wall.rs`,
//!   `stories/torture.rs`
//! - **A task that changes its model more than once; words that only one model service understands,
//!   sent to another; a call to a service that is left alone.** `laws/fallback.rs`
//! - **A call that costs more than was left of the hold before it.** `laws/catalog.rs`
//! - **More than one branch, pull request, status comment, or check run of a commit for a task.**
//!   Where a lost reply doubled one, the oldest stays. `stories/lost_replies.rs`
//! - **A push outside `asynccoder/…` but for one commit on top of the pull request's own branch; a push
//!   to a fork, a protected branch or the default branch.** `stories/issue_to_pull_request.rs`,
//!   `stories/on_pull_requests.rs`
//! - **A branch deleted that is not ours, has commits of others, or belongs to an open pull request.**
//!   `stories/pull_request_states.rs`
//! - **An order of GitHub's webhooks that makes a difference.** A state carries GitHub's own time, and an
//!   older one changes nothing. `stories/any_order.rs`
//! - **A request where the App was removed, suspended, or lost the repository.** `stories/installations.rs`
//! - **Credits of a plan given twice for one period.** `stories/marketplace.rs`
//! - **A check that runs twice for one press**, however GitHub tells of it. `stories/run_again.rs`
//! - **A word to anybody about what nobody asked for.** What comes by itself is said in a check run of its
//!   commit, and why it is not done only where it is wanted. `stories/unasked_reviews.rs`
//! - **A limit or a credit used up by a look at what a pull request says of the configuration.**
//!   `stories/proposed_configuration.rs`
//! - **A review that approves or blocks; a finding that is lost because GitHub refused its line.**
//!   `stories/reviews.rs`
//! - **A changed path that no tool and no command of the agent changed; a change of a workflow, a link, git's own
//!   files, or what people keep to themselves.** `stories/hostile_model.rs`, `laws/tools.rs`
//! - **A line that looks like a credential in a commit or a comment of ours.** `laws/secrets.rs`,
//!   `stories/hostile_model.rs`
//! - **A process chosen by a model or by a repository outside the walls of [`sandbox`].** Walls that do
//!   not pass their self-test are not used, and git runs no hook and no filter. `laws/sandbox.rs`,
//!   `laws/tools.rs`, `stories/checked_work.rs`
//! - **A network for what a model chose; a connection of a setup to an address that no host named by
//!   the operator has, or that is not the internet's, whatever a name leads to.**
//!   `laws/sandbox/door.rs`
//! - **A dependency that another account, another repository or a fork fetched; one that a task could
//!   spoil for the next; one that is pushed.** `stories/setups.rs`
//! - **Anything of a command that outlives it, its task or this process.** `laws/sandbox.rs`,
//!   `stories/checked_work.rs`
//! - **A word about checks that was not measured on the very tree that is pushed.**
//!   `stories/checked_work.rs`
//! - **An editing tool for a kind of work that may not edit.** `laws/tools.rs`
//! - **A negative balance, a hold resolved twice, a task that ended with an open hold, a charge for
//!   what was not published because of us, GitHub or the model service.** `laws/store.rs`, `stories/credits.rs`
//! - **Work for somebody without write permission**, asked for at the time of the comment and again
//!   before the push. `stories/permissions.rs`
//! - **An instruction that was edited after it was given.** A task keeps the words of the signed
//!   payload; all of them that are not the command stand in fences, as data. `laws/turn.rs`
//! - **A comment in a prompt that is by somebody without write permission, or was written or edited
//!   after the task was asked for.** `stories/conversations.rs`
//! - **A live mention, a remote image, HTML or a command line made of foreign text in what we
//!   write.** `laws/text.rs`, `stories/hostile_text.rs`
//! - **A prompt or a key in an error of a model service.** `laws/models.rs`
//! - **A token in an argument, a remote address or a configuration file of git.** It travels through
//!   a pipe; `git/command.rs` is the only place that starts git. `laws/layers.rs`

#![allow(
    rustdoc::private_intra_doc_links,
    reason = "this page is for people who read the code, with --document-private-items"
)]

mod admission;
pub mod agent;
pub mod app;
pub mod cli;
pub mod config;
pub mod delivery;
mod demo;
mod disk;
mod doctor;
pub mod domain;
mod git;
mod github;
mod http;
mod intake;
pub mod llm;
mod outbox;
mod reconcile;
pub mod sandbox;
mod simulate;
pub mod simulator;
pub mod store;
mod telemetry;
mod worker;
