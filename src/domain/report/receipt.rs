//! The receipt: what a task used and what it cost.

use super::TaskView;
use crate::domain::credit::Usage;

/// `Receipt: <model> · <n> steps · <in>/<cached>/<out> tokens · <c> credits`, as far as it is known.
pub fn receipt(view: &TaskView) -> String {
    let steps = if view.steps == 1 { "1 step".to_owned() } else { format!("{} steps", view.steps) };
    let charged = view.charged.map(|c| format!(" · {c}")).unwrap_or_default();
    format!("Receipt: {} · {steps} · {} tokens{charged}", view.model, tokens(view.usage))
}

/// The model, and the one that went on for it if there is one.
pub fn models(first: &str, then: Option<&str>) -> String {
    then.map_or_else(|| first.to_owned(), |then| format!("{first}, then {then}"))
}

/// Tokens read at full price / read from the cache / written.
pub fn tokens(usage: Usage) -> String {
    let full = usage.input.saturating_add(usage.cache_write);
    format!("{}/{}/{}", grouped(full), grouped(usage.cached), grouped(usage.output))
}

/// A number with a comma between thousands.
pub(super) fn grouped(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
