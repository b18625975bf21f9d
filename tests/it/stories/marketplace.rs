//! Plans of the Marketplace: what is bought is given once in each period, and GitHub's own word decides
//! what an account has.

use crate::world::{Plan, World, rows, story};

/// What was asked about the Marketplace so far.
fn questions(world: &World) -> Vec<String> {
    let journal = world.simulator.journal();
    let requests = journal.iter().filter_map(|entry| entry.request());
    let about_plans = requests.filter(|r| r.path.starts_with("/marketplace_listing"));
    about_plans.map(|r| format!("{} {}", r.path.trim_end_matches('?'), r.status)).collect()
}

fn listed(world: &World) {
    world.simulator.list_on_marketplace(&[("Free", 0), ("Pro", 1000), ("Enterprise", 5000)]);
}

/// `acme` is known: somebody has spoken to the bot.
async fn known(world: &mut World) {
    world.alice.comments(&world.issue, "/asynccoder ping");
    world.settle().await;
    world.story();
}

const BALANCE: &str = "select balance from accounts where login = 'acme'";
const TIERS: &str = "select login || ' ' || tier || ' ' || balance from accounts order by login";

story!(a_plan_gives_its_credits_once, async |world| {
    listed(world);
    known(world).await;
    world.simulator.buy("acme", "Pro").unwrap();
    world.settle().await;
    assert_eq!(world.balance().await, (1100, 0));
    world.alice.comments(&world.issue, "/asynccoder credits");
    let answer = world.answer().await;
    let plan = answer.lines().find(|line| line.starts_with("Plan: ")).expect("it is named");
    let (what, on) = plan.split_once("; the next on ").unwrap();
    assert_eq!(what, "Plan: Pro, 1000 credits a month");
    let today = chrono::Utc::now().date_naive();
    let in_a_month = today.checked_add_months(chrono::Months::new(1)).unwrap();
    assert_eq!(on, format!("{in_a_month}."));
});

story!(a_larger_plan_adds_the_difference_and_a_smaller_one_takes_nothing, async |world| {
    listed(world);
    known(world).await;
    world.simulator.buy("acme", "Pro").unwrap();
    world.simulator.change_plan("acme", "Enterprise").unwrap();
    world.settle().await;
    assert_eq!(rows::texts(world, TIERS).await, ["acme enterprise 5100"]);
    world.simulator.plan_to_change("acme", "Pro").unwrap();
    world.settle().await;
    assert_eq!(rows::texts(world, TIERS).await, ["acme enterprise 5100"], "not yet");
    world.simulator.change_plan("acme", "Pro").unwrap();
    world.settle().await;
    assert_eq!(rows::texts(world, TIERS).await, ["acme pro 5100"]);
    world.simulator.cancel_plan("acme").unwrap();
    world.settle().await;
    assert_eq!(rows::texts(world, TIERS).await, ["acme free 5100"], "what was given stays");
    world.alice.comments(&world.issue, "/asynccoder credits");
    let answer = world.answer().await;
    assert!(!answer.contains("Plan"), "{answer}");
});

story!(who_buys_before_they_install_gets_the_bonus_when_they_do, async |world| {
    listed(world);
    world.simulator.add_organization("initech");
    world.simulator.buy("initech", "Pro").unwrap();
    world.settle().await;
    assert_eq!(rows::texts(world, TIERS).await, ["initech pro 1000"]);
    world.simulator.install("initech").unwrap();
    world.settle().await;
    assert_eq!(rows::texts(world, TIERS).await, ["initech pro 1100"]);
});

story!(the_next_month_is_given_though_nobody_tells_of_it, async |world| {
    listed(world);
    known(world).await;
    world.simulator.buy("acme", "Pro").unwrap();
    world.settle().await;
    world.days_later().await;
    rows::until(world, "select count(*) from accounts where plan_due_at > '2001-01-01'", 1).await;
    assert_eq!(rows::number(world, BALANCE).await, 1100, "it is the same month");
    world.simulator.advance(std::time::Duration::from_hours(24 * 32));
    world.days_later().await;
    rows::until(world, BALANCE, 2100).await;
    world.days_later().await;
    rows::until(world, "select count(*) from accounts where plan_due_at > '2001-01-01'", 1).await;
    assert_eq!(rows::number(world, BALANCE).await, 2100);
});

story!(a_purchase_that_nobody_told_of_is_found_out, async |world| {
    listed(world);
    known(world).await;
    world.simulator.quietly().buy("acme", "Enterprise").unwrap();
    world.days_later().await;
    rows::until(world, BALANCE, 5100).await;
    world.simulator.quietly().cancel_plan("acme").unwrap();
    world.days_later().await;
    rows::until(world, "select count(*) from accounts where tier = 'free'", 1).await;
    assert_eq!(rows::number(world, BALANCE).await, 5100);
});

story!(a_plan_that_nobody_has_named_gives_nothing, async |world| {
    world.simulator.list_on_marketplace(&[("Gold", 9900)]);
    known(world).await;
    world.simulator.buy("acme", "Gold").unwrap();
    world.settle().await;
    assert_eq!(rows::texts(world, TIERS).await, ["acme free 100"]);
});

story!(an_app_that_is_not_on_the_marketplace_asks_once_a_day, async |world| {
    known(world).await;
    world.days_later().await;
    rows::until(world, "select count(*) from accounts where plan_due_at > '2001-01-01'", 1).await;
    let before = questions(world).len();
    assert!(questions(world).iter().all(|asked| asked == "/marketplace_listing/plans 404"));
    world.stop().await;
    rows::change(world, "update schedules set due_at = '2000-01-01T00:00:00+00:00'").await;
    world.start().await;
    rows::until(
        world,
        "select count(*) from schedules where due_at > '2001-01-01' and last_success_at > '2001-01-01'",
        4,
    )
    .await;
    assert_eq!(questions(world).len(), before, "nobody's plan is due");
    let quiet = "select count(*) from schedules where error is not null";
    assert_eq!(rows::number(world, quiet).await, 0);
});

story!(a_yearly_plan_gives_each_month, async |world| {
    listed(world);
    known(world).await;
    world.simulator.buy_for_a_year("acme", "Pro").unwrap();
    world.settle().await;
    let period = "select period from credit_transactions where period is not null";
    let today = chrono::Utc::now().date_naive();
    let in_a_month = today.checked_add_months(chrono::Months::new(1)).unwrap();
    assert_eq!(rows::texts(world, period).await, [in_a_month.to_string()]);
    assert_eq!(world.balance().await, (1100, 0));
});

story!(
    a_plan_has_its_own_limit_of_a_day,
    Plan::default()
        .with("DAILY_CREDITS", "4")
        .plans("[[plan]]\nid = \"pro\"\ndaily_credits = 60\n"),
    async |world| {
        listed(world);
        world.alice.comments(&world.issue, "/asynccoder debug");
        let told = world.answer().await;
        assert!(told.contains("This account's daily limit leaves 4 credits"), "{told}");
        world.simulator.buy("acme", "Pro").unwrap();
        world.settle().await;
        world.story();
        world.alice.comments(&world.issue, "/asynccoder credits");
        let told = world.answer().await;
        assert!(
            told.contains("Plan: Pro, 1000 credits a month, at most 60 credits a day;"),
            "{told}"
        );
        world.model(crate::world::repo::fixes_the_till());
        world.alice.comments(&world.issue, "/asynccoder debug");
        world.settle().await;
        let story = world.story();
        assert!(story.contains("debug · done"), "{story}");
        // What is used counts against the plan's own limit, and holds are made within it.
        world.alice.comments(&world.issue, "/asynccoder debug budget=100");
        world.settle().await;
        world.story();
        let most = "select max(amount) from credit_holds";
        assert_eq!(rows::number(world, most).await, 60, "no hold is larger than what is left");
    }
);
