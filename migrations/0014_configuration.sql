-- What a repository and an account say in their configuration files: the text that was last good, where
-- it was looked for last, and what is wrong with what is there now.
alter table repositories add column config jsonb;
alter table accounts add column config jsonb;
