-- The most credits of a day that a plan allows; null: as many as the operator lets everybody.
alter table accounts add column plan_daily bigint;
