//! What nobody asks for and what may be done all the same, once for each commit of a pull request. Whether
//! it is, the repository says.

use crate::domain::command::{Asked, Command, Configuring, Options, Request, Verb};
use crate::domain::event::{Offer, Person, Source};
use crate::store::commands::NewCommand;
use crate::store::deliveries::Fact;

/// A review, and a look at what the pull request says of the configuration.
pub(super) fn offered(offer: &Offer) -> Vec<Fact> {
    let repository = Fact::Repository(Box::new(offer.repository.clone()), offer.installation);
    let review = offer.for_review_by.as_ref().map(|author| review(offer, author));
    let look = offer.configured_by.as_ref().map(|sender| look(offer, sender));
    std::iter::once(repository).chain(review).chain(look).collect()
}

fn review(offer: &Offer, author: &Person) -> Fact {
    let command = Command {
        verb: Verb::PrReview,
        is_implied: false,
        options: Options::default(),
        text: String::new(),
    };
    let asked = Asked { head: Some(offer.head.clone()), ..asked(offer, Request::Command(command)) };
    fact(offer, "auto_review", author, asked)
}

fn look(offer: &Offer, sender: &Person) -> Fact {
    let configuring = Configuring {
        head: offer.head.clone(),
        base: offer.base.clone(),
        base_branch: offer.base_branch.clone(),
    };
    fact(offer, "config", sender, asked(offer, Request::Configuring(configuring)))
}

fn asked(offer: &Offer, request: Request) -> Asked {
    Asked {
        request,
        thread: offer.thread.clone(),
        source: if offer.by_push { Source::Push } else { Source::Offer },
        comment_id: offer.pull_request,
        at: Some(offer.at),
        url: offer.url.clone(),
        line: None,
        head: None,
    }
}

fn fact(offer: &Offer, what: &str, sender: &Person, asked: Asked) -> Fact {
    Fact::Command(Box::new(NewCommand {
        key: format!("{what}:{}:{}", offer.pull_request, offer.head),
        account: offer.repository.owner.id,
        repository: offer.repository.id,
        sender: sender.clone(),
        asked,
    }))
}
