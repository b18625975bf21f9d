//! Plans: the README tells the shipped ones, an operator's file goes over them or is refused with its
//! line, and a period is the same whoever tells of it.

use super::layers::read;
use asynccoder::domain::credit::Credits;
use asynccoder::domain::plan::{FREE, Plan, Plans, Subscription};
use chrono::{DateTime, Utc};
use expect_test::expect;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn subscription(plan: &str, is_yearly: bool, renews_at: Option<&str>) -> Subscription {
    Subscription { plan: plan.to_owned(), is_yearly, renews_at: renews_at.map(at) }
}

#[test]
fn the_readme_tells_the_plans() {
    let told = |plan: &Plan| {
        let running = plan.running.map_or("as everybody".to_owned(), |running| running.to_string());
        format!("| `{}` | {} | {running} |\n", plan.id, plan.credits.0)
    };
    let plans = Plans::embedded().unwrap();
    let table: String = plans.all().iter().map(told).collect();
    assert!(read("README.md").contains(&format!("|---|---|---|\n{table}\n")), "{table}");
    assert_eq!(plans.all().first().map(|plan| plan.id.as_str()), Some(FREE));
}

#[test]
fn the_file_of_the_readme_goes_over_them() {
    let readme = read("README.md");
    let file = readme.split("```toml\n").find(|part| part.starts_with("[[plan]]")).expect("it");
    let plans = Plans::overlaid("plans.toml", file.split("```").next().unwrap()).unwrap();
    let given = |name: &str| {
        let given = plans.given(&subscription(name, false, None), at("2026-05-20T00:00:00Z"));
        (given.tier, given.credits.0, given.running, given.daily_credits.map(|daily| daily.0))
    };
    assert_eq!(given("PROFESSIONAL "), ("pro".to_owned(), 2000, None, None));
    assert_eq!(given("Team"), ("team".to_owned(), 8000, Some(6), Some(4000)));
    assert_eq!(given("Enterprise"), ("enterprise".to_owned(), 5000, Some(10), None));
    assert_eq!(given("Gold"), (FREE.to_owned(), 0, None, None));
}

#[test]
fn a_file_with_a_fault_is_refused_with_its_line() {
    let files = [
        "[[plan]]\nid = \"pro\"\ncredit = 1",
        "[[plan]]\nid = \"new\"\nnames = [\"New\"]",
        "[[plan]]\nid = \"new\"\ncredits = 1",
        "\n\n[[plan]]\nid = \"new\"\nnames = [\"pro\"]\ncredits = 1",
        "[[plan]]\nid = \"pro\"\n[[plan]]\nid = \"pro\"",
        "[[plan]]\nid = \"Pro\"\nnames = []\ncredits = 1",
        "[[plan]]\nid = \"pro\"\ncredits = -1",
        "[[plan]]\nid = \"pro\"\nrunning = 0",
        "[[plan]]\nid = \"pro\"\ndaily_credits = 0",
        "[[plan]]\nid = \"pro\"\nnames = [\" \"]",
        "[[plan",
    ];
    let told = |file: &&str| format!("{}\n", Plans::overlaid("plans.toml", file).unwrap_err());
    expect![[r#"
        plans.toml, line 3: unknown field `credit`, expected one of `id`, `names`, `credits`, `running`, `daily_credits`. Correct it, or remove the file to use the plans that this program is shipped with
        plans.toml, line 1: the plan "new" is new and lacks `credits`. Correct it, or remove the file to use the plans that this program is shipped with
        plans.toml, line 1: the plan "new" is new and lacks `names`. Correct it, or remove the file to use the plans that this program is shipped with
        plans.toml, line 3: the plan "new" has a name of the plan "pro". Correct it, or remove the file to use the plans that this program is shipped with
        plans.toml, line 3: the plan "pro" is there twice. Correct it, or remove the file to use the plans that this program is shipped with
        plans.toml, line 1: the plan "Pro" is not named in small letters, digits, - and _. Correct it, or remove the file to use the plans that this program is shipped with
        plans.toml, line 1: the plan "pro" has -1 credits, which is not between 0 and 1000000000. Correct it, or remove the file to use the plans that this program is shipped with
        plans.toml, line 1: the plan "pro" has a `running` that is not between 1 and 1000. Correct it, or remove the file to use the plans that this program is shipped with
        plans.toml, line 1: the plan "pro" has `daily_credits` that are not between 1 and 1000000000. Correct it, or remove the file to use the plans that this program is shipped with
        plans.toml, line 1: the plan "pro" has a name of no or more than 100 letters. Correct it, or remove the file to use the plans that this program is shipped with
        plans.toml, line 1: unclosed array table, expected `]]`. Correct it, or remove the file to use the plans that this program is shipped with
    "#]].assert_eq(&files.iter().map(told).collect::<String>());
}

#[test]
fn a_period_ends_on_the_day_of_the_next_payment() {
    let ends = |has: &Subscription, now: &str| has.period(at(now)).to_string();
    let monthly = subscription("Pro", false, Some("2026-06-03T12:00:00Z"));
    assert_eq!(ends(&monthly, "2026-05-03T12:00:00Z"), "2026-06-03");
    assert_eq!(ends(&monthly, "2026-06-02T23:59:59Z"), "2026-06-03");
    let yearly = subscription("Pro", true, Some("2027-01-31T00:00:00Z"));
    let months = ["2026-02-01", "2026-02-28", "2026-03-15", "2026-12-31", "2027-01-30"];
    let told = months.map(|day| ends(&yearly, &format!("{day}T00:00:00Z")));
    assert_eq!(told, ["2026-02-28", "2026-03-31", "2026-03-31", "2027-01-31", "2027-01-31"]);
    let free = subscription("Free", false, None);
    assert_eq!(ends(&free, "2026-12-31T00:00:00Z"), "2027-01-01");
    assert_eq!(Credits(0), Plans::embedded().unwrap().named("free").unwrap().credits);
}

#[test]
fn a_year_has_twelve_periods() {
    let yearly = subscription("Pro", true, Some("2027-02-28T00:00:00Z"));
    let days = (0..365).map(|day| at("2026-02-28T00:00:00Z") + chrono::TimeDelta::days(day));
    let periods: std::collections::BTreeSet<_> = days.map(|day| yearly.period(day)).collect();
    assert_eq!(periods.len(), 12, "{periods:?}");
}
