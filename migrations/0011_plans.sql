-- Plans of the GitHub Marketplace. `accounts.tier` is the plan's id in our own list.

-- The plan as GitHub calls it; null while the account has none.
alter table accounts add column plan_name text;
-- What it gives each month.
alter table accounts add column plan_credits bigint;
-- Tasks at once; null: as many as the operator lets everybody.
alter table accounts add column plan_running bigint;
-- The day on which the next credits come.
alter table accounts add column plan_renews_on text;
-- Of when the known plan is.
alter table accounts add column plan_as_of timestamptz;
-- GitHub is asked for the plan then; null: it never was.
alter table accounts add column plan_due_at timestamptz;

create index accounts_to_ask_about on accounts (plan_due_at);

-- The period that credits of a plan were given for, by its last day, and the plan.
alter table credit_transactions add column period text;
alter table credit_transactions add column plan text;

create unique index one_credit_of_a_plan on credit_transactions (account_id, period, plan) where period is not null;
