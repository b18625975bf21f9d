//! Answers to the free verbs.

use super::receipt::grouped;
use crate::domain::catalog::{Catalog, Provider};
use crate::domain::command::{Key, Verb};
use crate::domain::credit::{Credits, Daily, Tier};
use crate::domain::ids::TaskId;
use crate::domain::task::{End, Kind, Phase};
use crate::domain::text::{inert, one_line};

/// `help`: what this version can do, from the grammar itself.
pub fn help() -> String {
    let mut text = String::from(
        "### Async Coder · help\n\n`/asynccoder <verb> [key=value]… [text]` on a line of its own; text without a verb is work for `async`, unless this repository is configured otherwise.\n\n| verb | what I do |\n|---|---|\n",
    );
    for verb in Verb::ALL {
        let aliases: String = verb.aliases().iter().map(|a| format!(", `{a}`")).collect();
        text.push_str(&format!("| `{verb}`{aliases} | {} |\n", verb.meaning()));
    }
    text.push_str("\n| key | value | of |\n|---|---|---|\n");
    for key in Key::ALL {
        text.push_str(&format!("| `{key}=` | {} | {} |\n", key.value(), takers(*key)));
    }
    text.push_str(
        "\nFor example: `/asynccoder debug budget=50 the total is wrong for empty carts`",
    );
    text
}

/// The verbs that take this key.
fn takers(key: Key) -> String {
    let takes = |verb: &&Verb| verb.keys().contains(&key);
    let works = |verb: &&Verb| verb.kind().is_some();
    if Verb::ALL.iter().filter(works).all(|verb| takes(&verb)) {
        let others = Verb::ALL.iter().filter(|verb| takes(verb) && !works(verb));
        let others: String = others.map(|verb| format!(", `{verb}`")).collect();
        return format!("everything that is work{others}");
    }
    let names = Verb::ALL.iter().filter(takes).map(|verb| format!("`{verb}`"));
    names.collect::<Vec<_>>().join(", ")
}

/// The page that GitHub shows people as the App's home.
pub fn home() -> String {
    "Async Coder\n\nA GitHub App that works on issues and pull requests when somebody asks it to. Comment `/asynccoder help` where it is installed.\n".to_owned()
}

/// `ping`.
pub fn ping() -> String {
    "I am here. `/asynccoder help` says what I can do.".to_owned()
}

/// `models`: names and prices, and which of them can be used here.
pub fn models(catalog: &Catalog, providers: &[Provider], default: Option<&str>) -> String {
    let mut text = String::from(
        "### Async Coder · models\n\nPrices in US dollars per million tokens; one credit is one cent.\n\n| `model=` | also | input | cached | output | |\n|---|---|---|---|---|---|\n",
    );
    for model in catalog.models() {
        let also = model.aliases.iter().map(|a| format!("`{a}`")).collect::<Vec<_>>().join(", ");
        let note = if default == Some(model.id.as_str()) {
            "default".to_owned()
        } else if providers.contains(&model.provider) {
            String::new()
        } else {
            format!("no {} on this server", model.provider.key_variable())
        };
        let base = model.prices.base();
        let [input, cached, output] = [base.input, base.cached, base.output].map(dollars);
        text.push_str(&format!(
            "| `{}` | {also} | {input} | {cached} | {output} | {note} |\n",
            model.id
        ));
        for Tier { above, prices } in model.prices.tiers() {
            let [input, cached, output] = [prices.input, prices.cached, prices.output].map(dollars);
            text.push_str(&format!(
                "| | prompts above {} tokens | {input} | {cached} | {output} | |\n",
                grouped(*above)
            ));
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// Nano-dollars a token are thousandths of a dollar per million tokens.
fn dollars(nano_usd: i64) -> String {
    let (whole, thousandths) = (nano_usd / 1000, nano_usd % 1000);
    let text = format!("{whole}.{thousandths:03}");
    text.strip_suffix('0').map_or(text.clone(), str::to_owned)
}

/// A plan of the Marketplace that an account pays for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paying {
    /// What GitHub calls it.
    pub name: String,
    /// What it gives in each period.
    pub credits: Credits,
    /// The day on which the next period begins.
    pub renews_on: String,
    /// The most of a day, if the plan says so.
    pub daily: Option<Credits>,
}

/// What an account has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Everything that is there, what is held included.
    pub balance: Credits,
    /// Held for running tasks.
    pub held: Credits,
    /// The plan that it pays for.
    pub plan: Option<Paying>,
}

impl Balance {
    /// The limits of a day: the plan's own for the account, if it has one.
    pub fn daily(&self, of_everybody: Daily) -> Daily {
        let of_plan = self.plan.as_ref().and_then(|plan| plan.daily);
        Daily { account: of_plan.unwrap_or(of_everybody.account), ..of_everybody }
    }

    /// What a new task can hold.
    pub const fn available(&self) -> Credits {
        Credits(self.balance.0.saturating_sub(self.held.0))
    }
}

/// A task that was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paid {
    /// The task.
    pub id: TaskId,
    /// What sort of work.
    pub kind: Kind,
    /// What it cost.
    pub charged: Credits,
}

/// `credits`. Receipts name no repository and no person: everybody in the thread reads them.
pub fn credits(account: &str, balance: Balance, today: Credits, receipts: &[Paid]) -> String {
    let held =
        if balance.held.0 == 1 { "1 is".to_owned() } else { format!("{} are", balance.held.0) };
    let mut text = format!(
        "### Async Coder · credits\n\nAvailable: {}\n\n`{account}` has {}, of which {held} held for tasks that are not finished. Held or spent today: {today}.",
        balance.available(),
        balance.balance,
    );
    if let Some(Paying { name, credits, renews_on, daily }) = balance.plan {
        let name = inert(&one_line(&name, 100));
        let daily = daily.map(|daily| format!(", at most {daily} a day")).unwrap_or_default();
        text.push_str(&format!(
            "\n\nPlan: {name}, {credits} a month{daily}; the next on {renews_on}."
        ));
    }
    if !receipts.is_empty() {
        text.push_str("\n\n| last receipts | kind | paid |\n|---|---|---|");
    }
    for Paid { id, kind, charged } in receipts {
        text.push_str(&format!("\n| `t_{}` | {kind} | {charged} |", id.short()));
    }
    text
}

/// A task as `status` lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The task.
    pub id: TaskId,
    /// What sort of work.
    pub kind: Kind,
    /// Where it is.
    pub phase: Phase,
    /// How it ended, or will.
    pub end: Option<End>,
    /// Tasks of the same account that go first, while it waits.
    pub before: Option<i64>,
    /// What was paid.
    pub charged: Option<Credits>,
    /// Whether somebody asked to stop it.
    pub is_stopping: bool,
    /// Whether it waits for something that only a person can give.
    pub is_parked: bool,
}

/// `status`: the tasks of this thread, newest first.
pub fn status(tasks: &[Listed]) -> String {
    if tasks.is_empty() {
        return "There are no tasks in this thread. `/asynccoder help` says how to start one."
            .to_owned();
    }
    let mut text =
        String::from("### Async Coder · status\n\n| task | kind | state | |\n|---|---|---|---|");
    for task in tasks {
        let note = match (task.before, task.charged) {
            (Some(0), _) => "next in line".to_owned(),
            (Some(1), _) => "1 task of this account goes first".to_owned(),
            (Some(n), _) => format!("{n} tasks of this account go first"),
            (None, Some(charged)) => charged.to_string(),
            (None, None) if task.is_stopping => "stopping".to_owned(),
            (None, None) if task.is_parked => "its status comment says what I lack".to_owned(),
            (None, None) => String::new(),
        };
        let state = super::status::state_of(task.phase, task.end, task.is_parked);
        text.push_str(&format!("\n| `t_{}` | {} | {state} | {note} |", task.id.short(), task.kind));
    }
    text
}

/// What becomes of a task that somebody wants to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopping {
    /// It had not begun, or nothing of it was on GitHub yet.
    Stopped,
    /// It runs, and stops within seconds.
    Stopping,
    /// Its branch may be on GitHub already.
    TooLate,
    /// It had ended.
    Over,
}

/// `cancel`.
pub fn cancel(task: TaskId, stopping: Stopping) -> String {
    let name = format!("`t_{}`", task.short());
    match stopping {
        Stopping::Stopped => format!("I stopped {name}."),
        Stopping::Stopping => {
            format!("Stopping {name}. Its status comment says when it has stopped.")
        }
        Stopping::TooLate => format!(
            "Too late to stop {name}: I am publishing it right now. You can close its pull request."
        ),
        Stopping::Over => format!("{name} has already ended."),
    }
}

/// `cancel` of what had not become a task yet.
pub fn not_begun(url: &str) -> String {
    if url.is_empty() {
        return "I had not begun yet, and will not. It costs nothing.".to_owned();
    }
    format!("I had not begun yet [what was asked for]({url}), and will not. It costs nothing.")
}

/// `cancel` or `retry` without a task that they could be about.
pub fn no_such_task(named: Option<&str>) -> String {
    match named {
        Some(name) => format!(
            "There is no task `t_{}` in this thread. `/asynccoder status` lists them.",
            name.chars().filter(char::is_ascii_hexdigit).take(8).collect::<String>()
        ),
        None => {
            "There is no task in this thread for that. `/asynccoder status` lists them.".to_owned()
        }
    }
}
