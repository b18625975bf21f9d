//! `plan`: the checklist that people see while the work goes on.

use super::{ToolError, respond};
use crate::domain::report::PlanItem;
use crate::llm::ToolSpec;
use serde::Deserialize;
use serde_json::json;

const MOST_ITEMS: usize = 8;
const LONGEST_ITEM_CHARS: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    items: Vec<PlanItem>,
}

pub(super) fn spec() -> ToolSpec {
    ToolSpec {
        name: "plan",
        description: "Shows people what you are going to do and how far you are. Give the whole \
                      list each time, at most 8 items.",
        schema: json!({
            "type": "object",
            "properties": {
                "items": {
                    "type": "array",
                    "maxItems": MOST_ITEMS,
                    "items": {
                        "type": "object",
                        "properties": {
                            "text": {"type": "string"},
                            "status": {"type": "string", "enum": ["pending", "in_progress", "done"]}
                        },
                        "required": ["text", "status"],
                        "additionalProperties": false
                    }
                }
            },
            "required": ["items"],
            "additionalProperties": false
        }),
    }
}

pub(super) fn run(
    arguments: Arguments,
    plan: &mut Option<Vec<PlanItem>>,
) -> Result<String, ToolError> {
    if arguments.items.is_empty() || arguments.items.len() > MOST_ITEMS {
        return respond("plan: `items` must have 1 to 8 items");
    }
    let short = |item: PlanItem| PlanItem {
        text: item.text.chars().take(LONGEST_ITEM_CHARS).collect(),
        status: item.status,
    };
    *plan = Some(arguments.items.into_iter().map(short).collect());
    Ok("noted".to_owned())
}
