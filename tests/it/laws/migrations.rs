//! The schema goes forward only, and never over what a newer program made.

use asynccoder::store::{Store, StoreError};
use std::path::{Path, PathBuf};

fn database() -> (tempfile::TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("asynccoder.db");
    let url = format!("sqlite://{}", path.display());
    (folder, path, url)
}

/// Every table and index as it was made.
async fn schema(url: &str) -> Vec<(String, Option<String>)> {
    let pool = sqlx::SqlitePool::connect(url).await.unwrap();
    let all = "select name, sql from sqlite_master order by name";
    let schema = sqlx::query_as(all).fetch_all(&pool).await.unwrap();
    pool.close().await;
    schema
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let (_folder, path, url) = database();
    Store::open(&url).await.unwrap().close().await;
    let (before, content) = (schema(&url).await, bytes(&path));
    Store::open(&url).await.unwrap().close().await;
    assert_eq!(schema(&url).await, before);
    assert_eq!(bytes(&path), content);
}

#[tokio::test]
async fn a_newer_schema_is_refused_untouched() {
    let (_folder, path, url) = database();
    Store::open(&url).await.unwrap().close().await;
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let newer = "insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time)
                 values (9999, 'later', current_timestamp, true, x'00', 0)";
    sqlx::query(newer).execute(&pool).await.unwrap();
    pool.close().await;
    let content = bytes(&path);
    let refused = Store::open(&url).await;
    assert!(matches!(refused, Err(StoreError::NewerSchema(9999))), "{refused:?}");
    assert_eq!(bytes(&path), content);
}

#[tokio::test]
async fn an_edited_migration_is_refused() {
    let (_folder, _path, url) = database();
    Store::open(&url).await.unwrap().close().await;
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let edited = "update _sqlx_migrations set checksum = x'00' where version = 1";
    sqlx::query(edited).execute(&pool).await.unwrap();
    pool.close().await;
    let refused = Store::open(&url).await;
    assert!(matches!(refused, Err(StoreError::Migration(_))), "{refused:?}");
}

#[tokio::test]
async fn every_file_is_applied() {
    let (_folder, _path, url) = database();
    Store::open(&url).await.unwrap().close().await;
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let all = "select version from _sqlx_migrations order by version";
    let applied: Vec<i64> = sqlx::query_scalar(all).fetch_all(&pool).await.unwrap();
    pool.close().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let number = |file: std::fs::DirEntry| {
        let name = file.file_name().into_string().unwrap();
        name.split_once('_').expect("a number comes first").0.parse::<i64>().unwrap()
    };
    let mut files: Vec<i64> =
        std::fs::read_dir(folder).unwrap().map(|file| number(file.unwrap())).collect();
    files.sort_unstable();
    assert_eq!(applied, files);
}
