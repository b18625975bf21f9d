-- What has to hold after a restart and for every server: the pace of an account, and what waits for
-- a person.

-- Each write to GitHub moves this on by its share of an hour; it runs ahead of the clock by an hour
-- at most, and then writes wait.
alter table accounts add column paced_until timestamptz;
-- A person suspended the App on this account; nothing is asked or written until they take it back.
alter table accounts add column suspended_at timestamptz;
-- What a task waits for that only a person can give, such as a permission of the App.
alter table tasks add column parked text;
