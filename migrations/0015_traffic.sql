-- What the limits on commands, tasks and pull requests are counted from.
create index commands_of_person on commands (sender_id, created_at);
create index commands_of_thread on commands (repository_id, number, created_at);
create index pull_requests_open on pull_requests (repository_id) where state = 'open';
-- Whether an admin's command set the count of our own comments in a thread back.
alter table commands add column lifts boolean not null default false;
