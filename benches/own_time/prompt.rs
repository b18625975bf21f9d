//! How much of each request to the model is, byte for byte, how the next one of the same task begins:
//! only that much can come from the provider's cache. And what goes by from one request to the next,
//! which is our own time and that of a loopback request to a model that answers at once.

use super::spread::Spread;
use super::stage::{self, REPOSITORY};
use anyhow::ensure;
use asynccoder::app::App;
use asynccoder::simulator::{Script, Simulator};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::path::Path;

/// One task that looks around for a while.
pub(crate) async fn measure(simulator: &Simulator, app: &App, data: &Path) -> anyhow::Result<()> {
    simulator.models().clear_scripts();
    simulator.models().script(thorough());
    let before = simulator.models().requests().len();
    stage::round(simulator, app, REPOSITORY).await?;
    let requests = simulator.models().requests();
    let prompts: Vec<String> = requests.iter().skip(before).map(prompt).collect();
    ensure!(prompts.len() > 10, "only {} requests", prompts.len());
    let (mut bytes, mut same) = (0, 0);
    for (earlier, later) in prompts.iter().zip(prompts.iter().skip(1)) {
        bytes += earlier.len();
        same += earlier.bytes().zip(later.bytes()).take_while(|(a, b)| a == b).count();
    }
    let share = 100.0 * f64::from(u32::try_from(same)?) / f64::from(u32::try_from(bytes)?);
    println!("\n{} requests of one task", prompts.len());
    println!("{:36} {share:9.2} %", "of a request begins the next one");
    let steps = steps(data, prompts.len()).await?;
    println!("{:36} {steps}", "from step to step, p50 and p95 in ms");
    Ok(())
}

/// The times between the steps of a task, over the newest steps.
async fn steps(data: &Path, newest: usize) -> anyhow::Result<Spread> {
    let url = format!("sqlite://{}/asynccoder.db", data.display());
    let database = sqlx::SqlitePool::connect(&url).await?;
    let began: Vec<(Vec<u8>, DateTime<Utc>)> = sqlx::query_as(
        "select task_id, created_at from task_steps order by task_id desc, step limit $1",
    )
    .bind(i64::try_from(newest)?)
    .fetch_all(&database)
    .await?;
    let pairs = began.iter().zip(began.iter().skip(1));
    let same_task = pairs.filter(|((task, _), (next, _))| task == next);
    let times: Vec<_> =
        same_task.filter_map(|((_, at), (_, then))| (*then - *at).to_std().ok()).collect();
    ensure!(times.len() > newest / 2, "only {} steps are there", times.len());
    Ok(Spread::of(times))
}

/// What the model reads, in its order: tools, system, messages.
fn prompt(request: &Value) -> String {
    let mut request = request.clone();
    without_cache_control(&mut request);
    let part = |name: &str| request.get(name).cloned().unwrap_or_default();
    let messages = part("messages");
    let messages = messages.as_array().into_iter().flatten().map(Value::to_string);
    [part("tools").to_string(), part("system").to_string()].into_iter().chain(messages).collect()
}

fn without_cache_control(value: &mut Value) {
    if let Some(object) = value.as_object_mut() {
        object.shift_remove("cache_control");
        object.values_mut().for_each(without_cache_control);
    } else if let Some(items) = value.as_array_mut() {
        items.iter_mut().for_each(without_cache_control);
    }
}

fn thorough() -> Script {
    let read = |start: u32| vec![("read_file", json!({ "path": "src/lib.rs", "start": start }))];
    let look =
        vec![("list_dir", json!({ "path": "." })), ("search", json!({ "pattern": "cents" }))];
    let plan = json!({ "items": [{ "text": "Find the comparison", "status": "in_progress" }] });
    let fix = json!({ "path": "src/lib.rs", "old": "cents > 100_00", "new": "cents >= 100_00" });
    let done = json!({ "title": "Give the discount", "summary": "`>` is `>=` now." });
    let mut script = Script::new("thorough").calls(look).calls(vec![("plan", plan)]);
    for start in 1..=8 {
        script = script.calls(read(start)).with_thinking("There must be more to it.");
    }
    script.calls(vec![("edit_file", fix)]).calls(vec![("finish", done)])
}
