//! Reports that stand org by org, and begin with what all entries come to: `JUnit`, Markdown and HTML.

use std::io::Write;

use anyhow::Context as _;

use super::facts::{Facts, Request};
use crate::cli::carried::complete;
use crate::job::Format;
use crate::ledger::{Attempt, EntryRow};
use crate::model::{EntryNo, EntryState};
use crate::report::{
    Commands, EntryReport, Findings, HtmlReport, JunitReport, MarkdownReport, Overview,
};

/// The entries in the order of their orgs, and of the manifest in each.
struct Order {
    all: Vec<EntryNo>,
    failed: Vec<EntryNo>,
}

impl Facts {
    /// Writes such a report; returns how many entries it is about.
    pub(super) async fn write_by_org(
        &self,
        request: &Request,
        out: &mut dyn Write,
    ) -> anyhow::Result<u64> {
        let order = self.order().await?;
        let mut findings =
            Findings::new(self.view.run.started_at, &self.view.orgs, self.commands());
        let add = |entry: &EntryReport, row: &EntryRow, calls: &[Attempt]| {
            findings.add(row, entry, calls);
            Ok(())
        };
        self.each_of(request, &order.all, add).await?;
        let mut overview = self.overview();
        if !request.only.is_all() {
            findings.narrow(&mut overview, &request.only);
        }
        let made = Made {
            facts: self,
            request,
            order: &order,
            overview: &overview,
            findings: &findings,
        };
        match request.format {
            Format::Junit => made.junit(out).await?,
            Format::Markdown => made.markdown(out).await?,
            _ => made.html(out).await?,
        }
        Ok(findings.totals().entries)
    }

    async fn order(&self) -> anyhow::Result<Order> {
        let (mut all, mut failed) = (Vec::new(), Vec::new());
        let read = self
            .view
            .ledger
            .for_each_standing(&self.view.run.id, |standing| {
                let key = (standing.org, standing.no);
                all.push(key);
                if standing.state == EntryState::Failed {
                    failed.push(key);
                }
            });
        read.await.context("the ledger cannot be read")?;
        let sorted = |mut keys: Vec<_>| {
            keys.sort_unstable();
            keys.into_iter().map(|(_, no)| no).collect()
        };
        Ok(Order {
            all: sorted(all),
            failed: sorted(failed),
        })
    }

    fn commands(&self) -> Commands {
        let run = &self.view.run.id.0;
        let [resume, consents, details] = [
            format!("okta-rollout resume {run}"),
            "okta-rollout consent list".to_owned(),
            format!("okta-rollout report {run} --format json"),
        ]
        .map(|command| complete(&command).into_owned());
        Commands {
            resume,
            consents,
            details,
        }
    }

    /// Hands on those of these entries that are wanted, until one cannot be written.
    async fn each_of(
        &self,
        request: &Request,
        order: &[EntryNo],
        mut write: impl FnMut(&EntryReport, &EntryRow, &[Attempt]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut failed = None;
        let each = |row: EntryRow, calls: Vec<Attempt>| {
            if failed.is_some() {
                return;
            }
            let entry = self.entry(&row);
            if let Some(entry) = entry.filter(|entry| request.wants(&row, entry)) {
                failed = write(&entry, &row, &calls).err();
            }
        };
        let read = self
            .view
            .ledger
            .for_each_with_calls_of(&self.view.run.id, order, each);
        read.await.context("the ledger cannot be read")?;
        failed.map_or(Ok(()), Err)
    }
}

/// What a report is made from.
struct Made<'a> {
    facts: &'a Facts,
    request: &'a Request,
    order: &'a Order,
    overview: &'a Overview,
    findings: &'a Findings,
}

impl Made<'_> {
    async fn each(
        &self,
        order: &[EntryNo],
        write: impl FnMut(&EntryReport, &EntryRow, &[Attempt]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let Self { facts, request, .. } = self;
        facts.each_of(request, order, write).await
    }

    async fn junit(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let mut junit = JunitReport::begin(out, self.overview, self.findings)?;
        self.each(&self.order.all, |entry, _, calls| {
            Ok(junit.entry(entry, calls)?)
        })
        .await?;
        Ok(junit.end()?)
    }

    async fn markdown(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let mut markdown = MarkdownReport::begin(out, self.overview, self.findings)?;
        self.each(
            &self.order.failed,
            |entry, _, _| Ok(markdown.failed(entry)?),
        )
        .await?;
        Ok(markdown.end()?)
    }

    async fn html(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let mut html = HtmlReport::begin(out, self.overview, self.findings)?;
        self.each(&self.order.failed, |entry, _, _| Ok(html.failed(entry)?))
            .await?;
        html.rest()?;
        self.each(&self.order.all, |entry, _, _| Ok(html.entry(entry)?))
            .await?;
        Ok(html.end()?)
    }
}
