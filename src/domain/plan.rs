//! Plans of the GitHub Marketplace: what each gives, as data, and for which period it is given.
//!
//! The plans stand in `plans.toml`; an operator's own file of the same form goes over it, because only
//! the operator knows what the plans of their listing are called.

mod file;

use super::credit::Credits;
use super::settings::Source;
use chrono::{DateTime, Datelike as _, Months, NaiveDate, Utc};

pub use file::PlansError;

/// The id of what an account has without a plan.
pub const FREE: &str = "free";

/// What a plan gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Our own name for it: the account's tier.
    pub id: String,
    /// What it is called on the Marketplace.
    pub names: Vec<String>,
    /// Given once in each billing period.
    pub credits: Credits,
    /// Tasks at once; `None`: as many as everybody.
    pub running: Option<i64>,
    /// The most of a day; `None`: as much as everybody.
    pub daily_credits: Option<Credits>,
}

/// All plans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plans {
    plans: Vec<Plan>,
}

impl Plans {
    /// The plans that the program is shipped with.
    pub fn embedded() -> Result<Self, PlansError> {
        file::read(&[file::EMBEDDED])
    }

    /// The shipped plans with an operator's file over them: an entry with a known id changes the fields
    /// that it names, one with a new id adds a plan.
    pub fn overlaid(name: &str, text: &str) -> Result<Self, PlansError> {
        file::read(&[file::EMBEDDED, Source { name, text }])
    }

    /// All of them.
    pub fn all(&self) -> &[Plan] {
        &self.plans
    }

    /// The plan that is called so on the Marketplace.
    pub fn named(&self, name: &str) -> Option<&Plan> {
        let is_meant = |known: &String| known.to_lowercase() == name.trim().to_lowercase();
        self.plans.iter().find(|plan| plan.names.iter().any(is_meant))
    }

    /// What a subscription gives. One whose plan nobody has named here gives nothing.
    pub fn given(&self, subscription: &Subscription, at: DateTime<Utc>) -> Given {
        let plan = self.named(&subscription.plan);
        Given {
            tier: plan.map_or(FREE, |plan| &plan.id).to_owned(),
            name: subscription.plan.clone(),
            credits: plan.map_or(Credits(0), |plan| plan.credits),
            running: plan.and_then(|plan| plan.running),
            daily_credits: plan.and_then(|plan| plan.daily_credits),
            until: subscription.period(at),
        }
    }
}

/// What an account has on the Marketplace, in GitHub's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The plan's name.
    pub plan: String,
    /// Whether it is paid once a year.
    pub is_yearly: bool,
    /// When it is paid next, or when a free trial ends; a free plan is never paid.
    pub renews_at: Option<DateTime<Utc>>,
}

impl Subscription {
    /// The day that ends the period of a month in which `at` is. Both the webhook and the API tell when
    /// the next payment is, so both come to the same day; what began the period only one of them tells.
    pub fn period(&self, at: DateTime<Utc>) -> NaiveDate {
        let Some(renews_at) = self.renews_at.map(|at| at.date_naive()) else {
            return first_of_next_month(at.date_naive());
        };
        if !self.is_yearly {
            return renews_at;
        }
        let before = |months| renews_at.checked_sub_months(Months::new(months));
        let ends = (0..12).filter_map(before).filter(|end| *end > at.date_naive());
        ends.min().unwrap_or(renews_at)
    }
}

fn first_of_next_month(day: NaiveDate) -> NaiveDate {
    let first = day.with_day(1).unwrap_or(day);
    first.checked_add_months(Months::new(1)).unwrap_or(day)
}

/// What a subscription gives in one period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The plan's id in our own list.
    pub tier: String,
    /// The plan as GitHub calls it.
    pub name: String,
    /// Given once in the period.
    pub credits: Credits,
    /// Tasks at once; `None`: as many as everybody.
    pub running: Option<i64>,
    /// The most of a day; `None`: as much as everybody.
    pub daily_credits: Option<Credits>,
    /// The day that ends the period; the next begins on it.
    pub until: NaiveDate,
}
