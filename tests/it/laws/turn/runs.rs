//! Whole runs: a model by a script, a workspace, and a memory of the steps.

use super::{assignment, calls, check_form};
use async_trait::async_trait;
use asynccoder::agent::clock::Clock;
use asynccoder::agent::workspace::Workspace;
use asynccoder::agent::{self, Assignment, Journal, Outcome, StepResults, Stopped, StoredStep};
use asynccoder::domain::catalog::Model;
use asynccoder::domain::credit::NanoUsd;
use asynccoder::domain::report::PlanStatus;
use asynccoder::domain::task::{Kind, Limits};
use asynccoder::domain::verification::Verification;
use asynccoder::llm::{Llm, LlmError, Prompt, Reply};
use expect_test::expect;
use serde_json::{Value, json};
use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write;
use std::fs;
use std::sync::Mutex;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A model that answers what is written down, and remembers what it was asked.
#[derive(Default)]
pub(in crate::laws) struct Script {
    pub(in crate::laws) replies: Mutex<VecDeque<Result<Reply, LlmError>>>,
    asked: Mutex<Vec<usize>>,
}

impl Script {
    pub(in crate::laws) fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies = Mutex::new(replies.into_iter().map(Ok).collect());
        Self { replies, ..Self::default() }
    }
}

#[async_trait]
impl Llm for Script {
    async fn call(&self, prompt: &Prompt<'_>) -> Result<Reply, LlmError> {
        check_form(prompt.messages);
        self.asked.lock().unwrap().push(prompt.messages.len());
        let next = self.replies.lock().unwrap().pop_front();
        match next {
            Some(reply) => reply,
            None => std::future::pending().await,
        }
    }
}

/// Stores steps, and can say stop at one of its calls.
#[derive(Default)]
pub(in crate::laws) struct Memory {
    pub(in crate::laws) steps: Mutex<Vec<StoredStep>>,
    pub(in crate::laws) log: Mutex<String>,
    pub(in crate::laws) stop_at: Option<(&'static str, Stopped)>,
}

impl Memory {
    fn note(&self, line: String) -> Result<(), Stopped> {
        let mut log = self.log.lock().unwrap();
        match &self.stop_at {
            Some((at, stopped)) if line.starts_with(at) => return Err(stopped.clone()),
            Some(_) | None => {}
        }
        writeln!(log, "{line}").unwrap();
        Ok(())
    }
}

#[async_trait]
impl Journal for Memory {
    async fn calling(&self, step: u32, at_most: NanoUsd) -> Result<(), Stopped> {
        self.note(format!("calling {step}, at most {}", at_most.to_credits()))
    }

    async fn replied(&self, step: u32, model: &Model, reply: &Reply) -> Result<(), Stopped> {
        self.note(format!("replied {step}"))?;
        let model = Some(model.id.clone());
        self.steps.lock().unwrap().push(StoredStep { model, reply: reply.clone(), results: None });
        Ok(())
    }

    async fn diff(&self, changed: &BTreeSet<String>) -> Result<Option<String>, Stopped> {
        Ok(Some(format!("the change of {changed:?}")))
    }

    async fn verify(
        &self,
        _changed: &BTreeSet<String>,
        _left: Duration,
    ) -> Result<Option<Verification>, Stopped> {
        Ok(None)
    }

    async fn ran(&self, step: u32, results: &StepResults) -> Result<(), Stopped> {
        let plan = results.plan.iter().flatten().filter(|i| i.status == PlanStatus::Done).count();
        self.note(format!("ran {step}: {:?}, {plan} done", results.changed))?;
        self.steps.lock().unwrap().last_mut().unwrap().results = Some(results.clone());
        Ok(())
    }
}

pub(in crate::laws) fn story() -> Vec<Reply> {
    vec![
        calls(&[
            ("plan", json!({"items": [{"text": "look", "status": "done"}]})),
            ("read_file", json!({"path": "src/lib.rs"})),
        ]),
        calls(&[("edit_file", json!({"path": "src/lib.rs", "old": "a - b", "new": "a + b"}))]),
        the_end(),
        // Once more, after a look at the whole change.
        the_end(),
    ]
}

pub(in crate::laws) fn the_end() -> Reply {
    let words = json!({"summary": "Adds now.", "title": "Add instead of subtract",
                       "not_verified": ["the build"]});
    calls(&[("finish", words)])
}

pub(in crate::laws) struct Stage {
    root: tempfile::TempDir,
    workspace: Workspace,
}

pub(in crate::laws) fn stage() -> Stage {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("src")).unwrap();
    fs::write(root.path().join("src/lib.rs"), "fn add(a: i32, b: i32) -> i32 {\n    a - b\n}\n")
        .unwrap();
    let workspace = Workspace::open(root.path()).unwrap();
    Stage { root, workspace }
}

impl Stage {
    pub(in crate::laws) async fn run(
        &self,
        assignment: &Assignment,
        llm: &Script,
        journal: &Memory,
    ) -> Result<Outcome, Stopped> {
        let stop = CancellationToken::new();
        agent::run(assignment, llm, &self.workspace, journal, &stop).await
    }
}

#[tokio::test]
async fn a_whole_run_edits_and_finishes() {
    let (stage, journal) = (stage(), Memory::default());
    let outcome = stage.run(&assignment(), &Script::new(story()), &journal).await.unwrap();
    expect![[r#"
        calling 1, at most 17 credits
        replied 1
        ran 1: {}, 1 done
        calling 2, at most 17 credits
        replied 2
        ran 2: {"src/lib.rs"}, 0 done
        calling 3, at most 17 credits
        replied 3
        ran 3: {"src/lib.rs"}, 0 done
        calling 4, at most 17 credits
        replied 4
        ran 4: {"src/lib.rs"}, 0 done
    "#]]
    .assert_eq(&journal.log.lock().unwrap());
    expect![[r#"
        Outcome {
            end: Done,
            summary: "Adds now.",
            title: Some(
                "Add instead of subtract",
            ),
            not_verified: [
                "the build",
            ],
            questions: [],
            findings: [],
            scores: {},
            verdict: None,
            changed: {
                "src/lib.rs",
            },
            verification: None,
            fell_back_to: None,
            usage: Usage {
                input: 4000,
                cached: 0,
                cache_write: 0,
                output: 400,
            },
            cost: NanoUsd(
                12000000,
            ),
            steps: 4,
            detail: None,
        }
    "#]]
    .assert_debug_eq(&outcome);
    let file = fs::read_to_string(stage.root.path().join("src/lib.rs")).unwrap();
    assert_eq!(file, "fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n");
}

/// Stops the run before each of its writes and goes on from what is stored.
#[tokio::test]
async fn a_run_goes_on_from_wherever_it_stopped() {
    let (plain_stage, plain_journal) = (stage(), Memory::default());
    let plain = plain_stage.run(&assignment(), &Script::new(story()), &plain_journal).await;
    for stop_at in [
        "calling 1",
        "replied 1",
        "ran 1",
        "calling 2",
        "replied 2",
        "ran 2",
        "calling 3",
        "replied 3",
        "ran 3",
        "calling 4",
        "replied 4",
        "ran 4",
    ] {
        let stage = stage();
        let journal = Memory { stop_at: Some((stop_at, Stopped::LeaseLost)), ..Memory::default() };
        let stopped = stage.run(&assignment(), &Script::new(story()), &journal).await;
        assert_eq!(stopped, Err(Stopped::LeaseLost));

        // The owner of the workspace brings it back to where the last stored step left it.
        let stage = if stop_at == "ran 2" { self::stage() } else { stage };
        let already = journal.steps.into_inner().unwrap();
        let left = story().split_off(already.len());
        let journal = Memory::default();
        *journal.steps.lock().unwrap() = already.clone();
        let assignment = Assignment { already, ..assignment() };
        let outcome = stage.run(&assignment, &Script::new(left), &journal).await;
        assert_eq!(outcome, plain, "stopped at {stop_at}");
    }
}

#[tokio::test]
async fn a_cancelled_run_drops_the_model_call() {
    let (stage, journal, llm) = (stage(), Memory::default(), Script::default());
    let stop = CancellationToken::new();
    let assignment = assignment();
    let run = agent::run(&assignment, &llm, &stage.workspace, &journal, &stop);
    let cancel = async {
        while llm.asked.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(run, cancel);
    assert_eq!(ended, Err(Stopped::Released));
}

#[tokio::test]
async fn a_model_that_never_answers_is_no_end_of_the_time() {
    let (stage, journal) = (stage(), Memory::default());
    let outcome = stage.run(&hurried(), &Script::default(), &journal).await.unwrap();
    assert_eq!((outcome.end.as_str(), outcome.steps), ("provider_error", 0));
}

#[tokio::test(start_paused = true)]
async fn only_the_time_that_a_service_took_to_answer_counts() {
    let ended = async |lost: Duration| {
        let stage = stage();
        let (assignment, journal) = (hurried(), Memory::default());
        let (workspace, stop) = (&stage.workspace, CancellationToken::new());
        let slow = Slow { lost };
        agent::run(&assignment, &slow, workspace, &journal, &stop).await.unwrap().end.as_str()
    };
    assert_eq!(ended(Duration::ZERO).await, "limit_time");
    assert_eq!(
        ended(Duration::from_hours(1)).await,
        "stuck",
        "it repeats itself, and has the time"
    );
}

#[tokio::test(start_paused = true)]
async fn a_clock_stands_still_for_what_is_not_the_tasks() {
    let seconds = Duration::from_secs;
    let clock = Clock::after(seconds(3));
    tokio::time::advance(seconds(5)).await;
    let pause = clock.pause();
    tokio::time::advance(seconds(60)).await;
    assert_eq!(clock.clone().active(), seconds(8), "also for whoever looks meanwhile");
    drop(pause);
    tokio::time::advance(seconds(2)).await;
    assert_eq!(clock.active(), seconds(10));
}

/// Hardly any time.
fn hurried() -> Assignment {
    let limits = Limits { time: Duration::from_millis(40), ..Kind::Debug.limits() };
    Assignment { limits, ..assignment() }
}

/// Takes half of that time for each answer, and says how much went by before it in failures.
struct Slow {
    lost: Duration,
}

#[async_trait]
impl Llm for Slow {
    async fn call(&self, _prompt: &Prompt<'_>) -> Result<Reply, LlmError> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(Reply { lost: self.lost, ..calls(&[("list_dir", json!({ "path": "." }))]) })
    }
}

#[tokio::test]
async fn nothing_changed_is_said_so_and_questions_are_asked() {
    let end = async |arguments: Value| {
        let script = Script::new([calls(&[("finish", arguments)])]);
        stage().run(&assignment(), &script, &Memory::default()).await.unwrap().end.as_str()
    };
    assert_eq!(end(json!({"summary": "It is right."})).await, "no_change");
    assert_eq!(end(json!({"summary": "?", "questions": ["Which?"]})).await, "needs_info");
}
