//! `sources`: where keys can live.

use clap::Args;
use keybearer_core::{Attribute, COMMON_ATTRIBUTES, Scheme};
use serde::Serialize;

use crate::{
    args::Json,
    context::Context,
    failure::{Outcome, Status},
    output::{Output, Paint},
    text::columns_within,
};

/// List where keys can live: each scheme of a key URI, with its attributes
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    json: Json,
}

#[derive(Serialize)]
struct Sources {
    sources: Vec<Source>,
}

#[derive(Serialize)]
struct Source {
    scheme: &'static str,
    available: bool,
    feature: Option<&'static str>,
    attributes: Vec<&'static str>,
    #[serde(skip)]
    own: Vec<Attribute>,
}

pub(crate) fn run(_arguments: &Arguments, cx: &Context) -> Outcome {
    let sources = Sources {
        sources: cx.registry.schemes().map(source).collect(),
    };
    cx.out.data(&sources, || text(&sources, cx.out))?;
    Ok(Status::DONE)
}

fn source(scheme: Scheme) -> Source {
    let own: Vec<Attribute> = scheme
        .provider
        .as_ref()
        .map(|provider| provider.attributes().to_vec())
        .unwrap_or_default();
    let common = COMMON_ATTRIBUTES
        .iter()
        .filter(|_| scheme.provider.is_some());
    let attributes = own.iter().chain(common);
    Source {
        scheme: scheme.scheme,
        available: scheme.provider.is_some(),
        // It brings no format of its own: it finds out which of the others a file has.
        feature: (scheme.scheme != "keystore").then_some(scheme.feature),
        attributes: attributes.map(|attribute| attribute.name).collect(),
        own,
    }
}

fn text(sources: &Sources, out: Output) -> String {
    let mut text = String::new();
    for source in &sources.sources {
        let scheme = out.paint(Paint::Bold, &format!("{}:", source.scheme));
        let built = match (source.available, source.feature) {
            (true, Some(feature)) => format!("in this build (feature \"{feature}\")"),
            (true, None) => "in this build (also what a bare path is)".into(),
            (false, feature) => format!(
                "not in this build: the feature \"{}\" brings it",
                feature.unwrap_or(source.scheme)
            ),
        };
        text.push_str(&format!("{scheme} {built}\n"));
        text.push_str(&table(&source.own, out));
        text.push('\n');
    }
    let head = out.paint(Paint::Bold, "every one");
    text.push_str(&format!("{head} also takes\n"));
    text.push_str(&table(COMMON_ATTRIBUTES, out));
    text
}

fn table(attributes: &[Attribute], out: Output) -> String {
    let row = |attribute: &Attribute| vec![format!("  {}", attribute.name), attribute.help.into()];
    let rows: Vec<_> = attributes.iter().map(row).collect();
    columns_within(&rows, out.width())
}
