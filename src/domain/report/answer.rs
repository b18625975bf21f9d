//! Answers to the free verbs.

use crate::domain::catalog::{Catalog, Provider};
use crate::domain::command::{Key, Verb};
use crate::domain::credit::Credits;

/// `help`: what this version can do, from the grammar itself.
pub fn help() -> String {
    let mut text = String::from(
        "### Async Coder · help\n\n`/asynccoder <verb> [key=value]… [text]` on a line of its own.\n\n| verb | what I do |\n|---|---|\n",
    );
    let built = || Verb::ALL.iter().filter(|v| v.is_built());
    for verb in built() {
        let aliases: String = verb.aliases().iter().map(|a| format!(", `{a}`")).collect();
        text.push_str(&format!("| `{verb}`{aliases} | {} |\n", verb.meaning()));
    }
    text.push_str("\n| key | value |\n|---|---|\n");
    let taken = |key: &&Key| built().any(|v| v.keys().contains(key));
    for key in Key::ALL.iter().filter(taken) {
        text.push_str(&format!("| `{key}=` | {} |\n", key.value()));
    }
    text.push_str(
        "\nFor example: `/asynccoder debug budget=50 the total is wrong for empty carts`",
    );
    text
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
        let [input, cached, output] =
            [model.prices.input, model.prices.cached, model.prices.output].map(dollars);
        text.push_str(&format!(
            "| `{}` | {also} | {input} | {cached} | {output} | {note} |\n",
            model.id
        ));
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

/// What an account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Everything that is there, what is held included.
    pub balance: Credits,
    /// Held for running tasks.
    pub held: Credits,
}

impl Balance {
    /// What a new task can hold.
    pub const fn available(self) -> Credits {
        Credits(self.balance.0.saturating_sub(self.held.0))
    }
}

/// `credits`.
pub fn credits(account: &str, balance: Balance) -> String {
    format!(
        "### Async Coder · credits\n\nAvailable: {}\n\n`{account}` has {}, of which {} held for tasks that are not finished.",
        balance.available(),
        balance.balance,
        if balance.held.0 == 1 { "1 is".to_owned() } else { format!("{} are", balance.held.0) },
    )
}
