//! The App's view of its own webhooks: what was delivered, and deliver it again.

use serde_json::{Value, json};

use super::{
    call::Call,
    number,
    render::time,
    reply::{Answer, Reply},
};
use crate::simulator::hooks::Delivery;

pub(crate) fn route(call: &mut Call<'_>, method: &str, rest: &[&str]) -> Answer {
    call.app()?;
    match (method, rest) {
        ("GET", ["deliveries"]) => list(call),
        ("GET", ["deliveries", id]) => Reply::ok(&in_full(&find(call, number(id)?)?)),
        ("POST", ["deliveries", id, "attempts"]) => {
            let delivery = find(call, number(id)?)?;
            call.hub.hooks.queue(delivery.parcel.again());
            Ok(Reply::json(202, &json!({})))
        }
        _ => Err(Reply::unknown_route()),
    }
}

/// The newest first; the cursor is the number of the last delivery seen.
#[expect(clippy::unnecessary_wraps, reason = "a route ends with it")]
fn list(call: &Call<'_>) -> Answer {
    let size =
        call.asked.parameter("per_page").and_then(|text| text.parse().ok()).unwrap_or(30_usize);
    let size = size.clamp(1, 100);
    let before = call.asked.parameter("cursor").and_then(|text| text.parse::<u64>().ok());
    let wanted = call.asked.parameter("status");
    let fits = |delivery: &Delivery| match wanted {
        Some("success") => delivery.status == "OK",
        Some("failure") => delivery.status != "OK",
        _ => true,
    };
    // The Marketplace has a webhook of its own, which no API tells of.
    let of_the_app = |delivery: &Delivery| delivery.parcel.event != "marketplace_purchase";
    let all = call.hub.hooks.deliveries().into_iter().filter(of_the_app);
    let mut rest = all.filter(|one| fits(one) && before.is_none_or(|before| one.id < before));
    let page: Vec<Delivery> = rest.by_ref().take(size).collect();
    let more = rest.next().is_some();
    let reply = Reply::json(200, &page.iter().map(in_short).collect());
    let Some(last) = page.last().filter(|_| more) else { return Ok(reply) };
    let status = wanted.map(|status| format!("&status={status}")).unwrap_or_default();
    let next = format!(
        "<{}/app/hook/deliveries?per_page={size}{status}&cursor={}>; rel=\"next\"",
        call.hub.urls.api, last.id
    );
    Ok(reply.with_header("link", next))
}

fn find(call: &Call<'_>, id: u64) -> Result<Delivery, Reply> {
    let mut all = call.hub.hooks.deliveries().into_iter();
    all.find(|delivery| delivery.id == id).ok_or_else(Reply::absent)
}

fn in_short(delivery: &Delivery) -> Value {
    let parcel = &delivery.parcel;
    json!({
        "id": delivery.id, "guid": parcel.guid, "delivered_at": time(delivery.at),
        "redelivery": parcel.redelivery, "duration": delivery.duration,
        "status": delivery.status, "status_code": delivery.status_code, "event": parcel.event,
        "action": parcel.action, "installation_id": parcel.installation,
        "repository_id": parcel.repository, "throttled_at": null,
    })
}

fn in_full(delivery: &Delivery) -> Value {
    let mut value = in_short(delivery);
    if let Value::Object(fields) = &mut value {
        let request = json!({"headers": delivery.headers, "payload": delivery.parcel.payload});
        let response = json!({"headers": {}, "payload": delivery.answer});
        fields.insert("request".to_owned(), request);
        fields.insert("response".to_owned(), response);
    }
    value
}
