//! Models: what the running program knows about each, for whoever reads the database.

use super::engine::{Tx, args, exec};
use super::{Result, Store, json, now};
use crate::domain::catalog::{Catalog, Model};

impl Store {
    /// Writes down the catalog that this program runs with. What is not in it can no longer be asked for.
    pub async fn set_models(&self, catalog: &Catalog) -> Result<()> {
        let mut tx = self.db.begin().await?;
        exec(
            &mut tx,
            "update ai_models set active = false, updated_at = $1 where active",
            args![now()],
        )
        .await?;
        for (place, model) in (0_i64..).zip(catalog.all()) {
            set_model(&mut tx, place, model).await?;
        }
        Ok(tx.commit().await?)
    }
}

async fn set_model(tx: &mut Tx, place: i64, model: &Model) -> Result<()> {
    let base = model.prices.base();
    exec(
        tx,
        "insert into ai_models (id, provider, api, display_name, aliases, input_nano_usd, cached_nano_usd,
             cache_write_nano_usd, output_nano_usd, tiers, context_tokens, max_output_tokens, capabilities, fallback,
             active, place, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17)
         on conflict (id) do update set
             provider = excluded.provider,
             api = excluded.api,
             display_name = excluded.display_name,
             aliases = excluded.aliases,
             input_nano_usd = excluded.input_nano_usd,
             cached_nano_usd = excluded.cached_nano_usd,
             cache_write_nano_usd = excluded.cache_write_nano_usd,
             output_nano_usd = excluded.output_nano_usd,
             tiers = excluded.tiers,
             context_tokens = excluded.context_tokens,
             max_output_tokens = excluded.max_output_tokens,
             capabilities = excluded.capabilities,
             fallback = excluded.fallback,
             active = excluded.active,
             place = excluded.place,
             updated_at = excluded.updated_at",
        args![
            &*model.id,
            model.provider.as_str(),
            model.api.as_str(),
            &*model.display_name,
            json(&model.aliases)?,
            base.input,
            base.cached,
            base.cache_write,
            base.output,
            json(&model.prices.tiers())?,
            model.context,
            model.max_output,
            json(&model.capabilities)?,
            model.fallback.as_deref(),
            model.active,
            place,
            now(),
        ],
    )
    .await?;
    Ok(())
}
