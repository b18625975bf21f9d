-- Check runs that belong to no task, and those of a commit that somebody wants again.
create index acts_checks on acts (repository_id) where kind = 'check';
create index documents_of_commit on documents (repository_id, head_sha) where kind = 'check_run';
-- A press that wants all checks of a commit again, once for ever.
create table rerequests (
    key text primary key,
    created_at timestamptz not null
);
