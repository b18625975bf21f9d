//! The catalog: an operator's file goes over the shipped one or is refused with its line, a name means
//! one model or none, and no call costs more than was thought before it.

use asynccoder::agent::budget::{Budget, Spent};
use asynccoder::config::Config;
use asynccoder::domain::catalog::{Catalog, Model};
use asynccoder::domain::credit::{Credits, NanoUsd, Prices, Tariff, Tier, Usage};
use asynccoder::domain::policy::Refusal;
use asynccoder::domain::report::refusal;
use asynccoder::domain::task::Kind;
use asynccoder::store::Store;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;

fn overlaid(text: &str) -> Catalog {
    Catalog::overlaid("data/models.toml", text).unwrap()
}

/// One line for each model that differs from the shipped ones.
fn news(catalog: &Catalog) -> String {
    let shipped = Catalog::embedded().unwrap();
    let mut text = String::new();
    for model in catalog.all().iter().filter(|m| shipped.by_id(&m.id) != Some(m)) {
        let Model { id, provider, display_name, aliases, context, max_output, .. } = model;
        let base = model.prices.base();
        let can = model.capabilities.iter().map(|c| c.as_str()).collect::<Vec<_>>().join("+");
        writeln!(
            text,
            "{id} ({provider}, {display_name}, {aliases:?}) {}/{}/{}/{} {context}/{max_output} {can} fallback {:?} active {}",
            base.input, base.cached, base.cache_write, base.output, model.fallback, model.active
        )
        .unwrap();
    }
    text
}

const LOCAL: &str = r#"
[[model]]
provider = "openai"
api = "chat"
id = "Qwen/Qwen3-Coder:30b"
name = "Qwen3 Coder"
aliases = ["qwen", "sonnet"]
input = 0
cached = 0
cache_write = 0
output = 0
context = 65_536
max_output = 8_192
"#;

#[test]
fn a_new_id_adds_a_model_and_takes_the_names_it_wants() {
    expect![[r#"
        claude-sonnet-5-5 (anthropic, Claude Sonnet 5.5, ["claude"]) 2000/100/2500/10000 1000000/128000 tools+reasoning+cache fallback None active true
        Qwen/Qwen3-Coder:30b (openai, Qwen3 Coder, ["qwen", "sonnet"]) 0/0/0/0 65536/8192 tools fallback None active true
    "#]]
    .assert_eq(&news(&overlaid(LOCAL)));
    for name in ["qwen/qwen3-coder:30B", "QWEN", "sonnet", "qwe"] {
        assert_eq!(overlaid(LOCAL).find(name).unwrap().id, "Qwen/Qwen3-Coder:30b", "{name}");
    }
}

#[test]
fn a_known_id_changes_the_fields_that_are_named() {
    let text = r#"
        fallback = "gpt-6.2-sol"
        [[model]]
        id = "claude-opus-5-5"
        output = 18.5
        active = true
        [[model]]
        id = "claude-fable-5-1"
        active = false
        [[model]]
        id = "gpt-6-luna"
        fallback = ""
        [[model]]
        id = "gpt-6-astra"
        fallback = "gemini-4-argon"
    "#;
    let catalog = overlaid(text);
    let told = news(&catalog);
    let told: String = told
        .lines()
        .filter(|l| ["opus", "fable", "luna", "astra", "6.2-sol ("].iter().any(|n| l.contains(n)))
        .map(|l| format!("{l}\n"))
        .collect();
    expect![[r#"
        claude-opus-5-5 (anthropic, Claude Opus 5.5, ["opus"]) 4000/200/5000/18500 1000000/128000 tools+reasoning+cache fallback Some("gpt-6.2-sol") active true
        claude-fable-5-1 (anthropic, Claude Fable 5.1, ["fable"]) 10000/250/12500/50000 1000000/128000 tools+reasoning+cache fallback Some("gpt-6.2-sol") active false
        gpt-6-astra (openai, GPT-6 Astra, ["astra"]) 10000/1000/12500/50000 1050000/128000 tools+reasoning+cache fallback Some("gemini-4-argon") active true
    "#]].assert_eq(&told);
    assert!(catalog.find("fable").is_err(), "it can no longer be asked for");
    assert!(catalog.by_id("claude-fable-5-1").is_some(), "its old tasks still have a name");
    assert!(catalog.models().all(|m| m.id != "claude-fable-5-1"));
}

#[test]
fn a_broken_file_is_refused_with_its_line() {
    let new = |more: &str| format!("\n[[model]]\nid = \"new\"\n{more}\n");
    let known = |more: &str| format!("[[model]]\nid = \"gpt-6-luna\"\n{more}\n");
    let files = [
        "[[model]\n".to_owned(),
        known("prize = 3"),
        known("input = \"cheap\""),
        known("input = -1"),
        known("output = nan"),
        known("cached = 2e9"),
        known("api = \"soap\""),
        known("provider = \"acme\""),
        known("max_output = 1000"),
        known("context = 100"),
        known("capabilities = [\"telepathy\"]"),
        known("capabilities = [\"cache\"]"),
        known("aliases = [\"opus\", \"Opus\"]"),
        known("aliases = [\"two words\"]"),
        known("name = \"@all\\n\""),
        known("fallback = \"gpt-6-luna\""),
        known("fallback = \"opus\""),
        known("tier = [{ above = 0, input = 1, cached = 1, cache_write = 1, output = 1 }]"),
        known("tier = [{ above = 10, input = 1 }]"),
        known("") + &known(""),
        new("provider = \"gemini\""),
        "[[model]]\nid = \"claude-opus-5-5\"\napi = \"chat\"\n".to_owned(),
        "# a comment\nfallback = \"nobody\"\n".to_owned(),
        "[[model]]\nid = \"gemini-4-argon\"\nactive = false\n\n[[model]]\nid = \"gpt-6-luna\"\nfallback = \"gemini-4-argon\"\n".to_owned(),
    ];
    let mut text = String::new();
    for file in files {
        let error = Catalog::overlaid("data/models.toml", &file).unwrap_err().to_string();
        let remedy =
            ". Correct it, or remove the file to use the models that this program is shipped with";
        writeln!(text, "{}", error.strip_suffix(remedy).expect("what to do")).unwrap();
    }
    expect![[r#"
        data/models.toml, line 1: unclosed array table, expected `]`
        data/models.toml, line 3: unknown field `prize`, expected one of `id`, `provider`, `api`, `name`, `aliases`, `input`, `cached`, `cache_write`, `output`, `tier`, `context`, `max_output`, `capabilities`, `fallback`, `active`
        data/models.toml, line 3: invalid type: string "cheap", expected f64
        data/models.toml, line 1: the model "gpt-6-luna" has -1, which is not a price
        data/models.toml, line 1: the model "gpt-6-luna" has NaN, which is not a price
        data/models.toml, line 1: the model "gpt-6-luna" has 2000000000, which is not a price
        data/models.toml, line 3: unknown variant `soap`, expected `responses` or `chat`
        data/models.toml, line 3: unknown variant `acme`, expected one of `anthropic`, `openai`, `gemini`
        data/models.toml, line 1: the model "gpt-6-luna" is too small: `max_output` must be at least 1024 and `context` 2048
        data/models.toml, line 1: the model "gpt-6-luna" is too small: `max_output` must be at least 1024 and `context` 2048
        data/models.toml, line 3: unknown variant `telepathy`, expected one of `tools`, `reasoning`, `cache`
        data/models.toml, line 1: the model "gpt-6-luna" lacks the capability `tools`, so it can only be there with active = false
        data/models.toml, line 1: the name "Opus" is taken by another model
        data/models.toml, line 1: the model "gpt-6-luna" has the name "two words"; names are of letters, digits and -_.:/@
        data/models.toml, line 1: the model "gpt-6-luna" has the display name "@all\n", which cannot stand in a comment
        data/models.toml, line 1: the `fallback` of "gpt-6-luna" is not the id of another active model: "gpt-6-luna"
        data/models.toml, line 1: the `fallback` of "gpt-6-luna" is not the id of another active model: "opus"
        data/models.toml, line 1: the model "gpt-6-luna" has a tier whose `above` is not a size of its own above zero
        data/models.toml, line 3: missing field `cached`
        data/models.toml, line 4: the model "gpt-6-luna" is there twice
        data/models.toml, line 2: the model "new" is new and lacks `input`
        data/models.toml, line 1: the model "claude-opus-5-5" has `api`, which only openai models take
        data/models.toml, line 2: `fallback` is not the id of an active model: "nobody"
        data/models.toml, line 5: the `fallback` of "gpt-6-luna" is not the id of another active model: "gemini-4-argon"
    "#]].assert_eq(&text);
}

#[test]
fn the_program_does_not_start_with_a_broken_file() {
    let folder = tempfile::tempdir().unwrap();
    let vars = |data: &std::path::Path| {
        BTreeMap::from([("DATA_DIR".to_owned(), data.display().to_string())])
    };
    let faults = || {
        let error = Config::from_vars(vars(folder.path())).unwrap_err();
        let faults = error.0.into_iter().filter(|fault| fault.contains("models.toml"));
        faults.collect::<String>().replace(&folder.path().display().to_string(), "DATA_DIR")
    };
    assert_eq!(faults(), "");
    std::fs::write(folder.path().join("models.toml"), "\n[[model]]\nid = \"x\"\n").unwrap();
    expect![[r#"DATA_DIR/models.toml, line 2: the model "x" is new and lacks `provider`. Correct it, or remove the file to use the models that this program is shipped with"#]].assert_eq(&faults());
    std::fs::write(folder.path().join("models.toml"), b"# \xff\n").unwrap();
    expect!["DATA_DIR/models.toml cannot be read: stream did not contain valid UTF-8. Make it readable UTF-8 text, or remove it"].assert_eq(&faults());
}

fn told(name: &str) -> String {
    match Catalog::embedded().unwrap().find(name) {
        Ok(model) => model.id.clone(),
        Err(no) => refusal::refusal(&Refusal::NoSuchModel(no)),
    }
}

#[test]
fn a_name_means_one_model_or_the_answer_says_which_it_could_be() {
    let check = |name: &str, expect: Expect| expect.assert_eq(&told(name));
    check("Opus", expect!["claude-opus-5-5"]);
    check("haiku", expect!["claude-haiku-5-5"]);
    check(
        "claude-haiku",
        expect![
            "More than one model is called `claude-haiku`…: `claude-haiku-5-5`, `claude-haiku-4-5`. Please name one of them."
        ],
    );
    check("claude-o", expect!["claude-opus-5-5"]);
    check("son", expect!["claude-sonnet-5-5"]);
    check("gemini", expect!["gemini-4-argon"]);
    check(
        "gpt-6",
        expect![
            "More than one model is called `gpt-6`…: `gpt-6.2-sol`, `gpt-6.1-terra`, `gpt-6-luna`, `gpt-6-astra`. Please name one of them."
        ],
    );
    check(
        "c",
        expect![
            "More than one model is called `c`…: `claude-sonnet-5-5`, `claude-opus-5-5`, `claude-haiku-5-5`, `claude-haiku-4-5`, `claude-fable-5-1`. Please name one of them."
        ],
    );
    check(
        "sonet",
        expect![
            "There is no model `sonet`. Did you mean `sonnet`? `/asynccoder models` lists them."
        ],
    );
    check(
        "claude-opus-5.5",
        expect![
            "There is no model `claude-opus-5.5`. Did you mean `claude-opus-5-5`? `/asynccoder models` lists them."
        ],
    );
    check("llama", expect!["There is no model `llama`. `/asynccoder models` lists them."]);
    check("", expect!["There is no model (nothing). `/asynccoder models` lists them."]);
}

fn any_prices() -> impl Strategy<Value = Prices> {
    (0..9000_i64, 0..9000_i64, 0..9000_i64, 0..9000_i64).prop_map(
        |(input, cached, cache_write, output)| Prices { input, cached, cache_write, output },
    )
}

fn tariff() -> impl Strategy<Value = Tariff> {
    let tier = (1..400_000_i64, any_prices()).prop_map(|(above, prices)| Tier { above, prices });
    (any_prices(), prop::collection::vec(tier, 0..4))
        .prop_map(|(base, tiers)| Tariff::new(base, tiers))
}

fn usage() -> impl Strategy<Value = Usage> {
    let tokens = || prop_oneof![Just(0), 0..200_000_i64];
    (tokens(), tokens(), tokens(), 0..20_000_i64).prop_map(
        |(input, cached, cache_write, output)| Usage { input, cached, cache_write, output },
    )
}

proptest! {
    /// Every beginning of a name leads to a model with a name like that, or to all of them.
    #[test]
    fn a_beginning_is_enough_unless_it_fits_several(which in any::<prop::sample::Index>(), length in 1_usize..30) {
        let catalog = Catalog::embedded().unwrap();
        let names: Vec<_> = catalog.models().flat_map(|m| std::iter::once(&m.id).chain(&m.aliases)).collect();
        let name = names[which.index(names.len())];
        let begun = &name[..length.min(name.len())];
        let fits = |m: &Model| std::iter::once(&m.id).chain(&m.aliases).any(|n| n.starts_with(begun));
        match catalog.find(begun) {
            Ok(model) => prop_assert!(fits(model)),
            Err(no) => {
                let all: Vec<_> = catalog.models().filter(|m| fits(m)).map(|m| m.id.clone()).collect();
                prop_assert!(all.len() > 1);
                prop_assert_eq!(no.among, all);
            }
        }
    }

    /// All tokens of a call have the prices of its whole prompt, wherever the tokens came from.
    #[test]
    fn a_call_is_paid_at_the_prices_of_its_whole_prompt(tariff in tariff(), usage in usage()) {
        let prompt = usage.input + usage.cached + usage.cache_write;
        let tier = tariff.tiers().iter().filter(|t| prompt > t.above).max_by_key(|t| t.above);
        let prices = tier.map_or(tariff.base(), |t| &t.prices);
        prop_assert_eq!(tariff.cost(usage), prices.cost(usage));
    }

    /// What is thought before a call is enough for whatever comes of it: a prompt up to the estimate.
    #[test]
    fn no_call_costs_more_than_was_thought(tariff in tariff(), usage in usage(), more in 0..100_000_i64) {
        let thought = tariff.worst_case(usage.prompt() + more, usage.output);
        prop_assert!(tariff.cost(usage) <= thought);
    }

    /// A call that is allowed fits into what is held, at the prices of its own prompt.
    #[test]
    fn an_allowed_call_fits_into_the_hold(tariff in tariff(), prompt in 0..500_000_i64, hold in 0..600_i64, spent in 0..700_i64) {
        let mut assignment = super::turn::assignment();
        assignment.kind = Kind::Async;
        assignment.hold = Credits(hold);
        assignment.model.prices = tariff.clone();
        let spent = Spent { cost: Credits(spent).to_nano_usd(), ..Spent::default() };
        if let Ok(allowed) = Budget::new(&assignment).allow(spent, prompt) {
            prop_assert_eq!(allowed.at_most, tariff.worst_case(prompt, allowed.max_output));
            prop_assert!(NanoUsd(spent.cost.0 + allowed.at_most.0) <= Credits(hold).to_nano_usd());
        }
    }
}

#[test]
fn larger_prompts_have_the_published_prices() {
    let catalog = Catalog::embedded().unwrap();
    let cents = |id: &str, prompt: i64| {
        let usage =
            Usage { input: prompt - 1000, cached: 500, cache_write: 500, output: 1_000_000 };
        catalog.by_id(id).unwrap().prices.cost(usage).to_credits().0
    };
    let both = |id, edge| (cents(id, edge), cents(id, edge + 1));
    assert_eq!(both("claude-haiku-5-5", 100_000), (51, 255));
    assert_eq!(both("gpt-6.2-sol", 272_000), (1055, 1609));
    assert_eq!(both("gemini-3.1-pro-preview", 200_000), (1240, 1880));
    assert_eq!(both("claude-sonnet-5-5", 200_000), (1040, 1040));
}

#[tokio::test]
async fn the_database_knows_the_models_of_this_start() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("asynccoder.db").display());
    let store = Store::open(&url).await.unwrap();
    store.set_models(&overlaid(LOCAL)).await.unwrap();
    store.set_models(&Catalog::embedded().unwrap()).await.unwrap();
    store.close().await;
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let all =
        "select id, aliases, input_nano_usd, tiers, capabilities, active, place from ai_models
               where id in ('Qwen/Qwen3-Coder:30b', 'claude-haiku-5-5') or place = 0 order by id";
    let rows: Vec<(String, String, i64, String, String, bool, i64)> =
        sqlx::query_as(all).fetch_all(&pool).await.unwrap();
    let count: i64 =
        sqlx::query_scalar("select count(*) from ai_models").fetch_one(&pool).await.unwrap();
    pool.close().await;
    assert_eq!(count, i64::try_from(Catalog::embedded().unwrap().all().len()).unwrap() + 1);
    expect![[r#"
        [
            (
                "Qwen/Qwen3-Coder:30b",
                "[\"qwen\",\"sonnet\"]",
                0,
                "[]",
                "[\"tools\"]",
                false,
                12,
            ),
            (
                "claude-haiku-5-5",
                "[\"haiku\"]",
                100,
                "[{\"above\":100000,\"prices\":{\"input\":500,\"cached\":50,\"cache_write\":625,\"output\":2500}}]",
                "[\"tools\",\"reasoning\",\"cache\"]",
                true,
                2,
            ),
            (
                "claude-sonnet-5-5",
                "[\"sonnet\",\"claude\"]",
                2000,
                "[]",
                "[\"tools\",\"reasoning\",\"cache\"]",
                true,
                0,
            ),
        ]
    "#]].assert_debug_eq(&rows);
}
