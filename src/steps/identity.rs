//! Whether an app is an instance of what its entry says: seen before the first write to it.

use super::context::Context;
use super::directory::Directory;
use super::error::StepError;
use super::listed::listed;
use super::listing::{Extent, Pages};
use super::outside::Outside;
use crate::ledger::AppName;
use crate::model::Site;
use crate::okta::{Class, apps};
use crate::plan::is_right_app;
use crate::text::{Told, is_word};

impl Context<'_> {
    /// Makes sure that the app is what the entry says, before anything is written to it.
    pub(super) async fn see_identity(&mut self) -> Result<(), StepError> {
        if let Some(org) = self.rehearsed() {
            if self.row.entry.app_id.is_none() {
                return Ok(());
            }
            return org.identify(self.row.entry.app, self.by_entry()).await;
        }
        match &mut self.outside {
            Outside::Live(_) => is_right(self).await,
            Outside::Supposed(supposed) => supposed.see_identity(),
        }
    }
}

async fn is_right(context: &mut Context<'_>) -> Result<(), StepError> {
    // One that was found by its label, or created, had its name then.
    let Some(app_id) = context.row.entry.app_id.clone() else {
        return Ok(());
    };
    let name = match context.app_memory().await?.name.clone() {
        Some(name) => name,
        None => look(context, &app_id).await?,
    };
    Ok(is_right_app(&context.row.entry, &app_id, &name)?)
}

/// Refuses, before its first call, an entry whose app the ledger knows as another one.
pub(super) async fn is_not_known_as_another(context: &mut Context<'_>) -> Result<(), StepError> {
    // Once an entry: what the ledger knows is kept.
    if context.memory.is_right || context.memory.app.is_some() {
        return Ok(());
    }
    let Some(app_id) = context.row.entry.app_id.clone() else {
        return Ok(());
    };
    if let Some(name) = context.app_memory().await?.name.clone() {
        is_right_app(&context.row.entry, &app_id, &name)?;
        context.memory.is_right = true;
    }
    Ok(())
}

/// Refuses an entry to whose app nothing had to be written, when a list that the run makes for labels shows the app to
/// be another one. No call is made for this alone.
pub(super) async fn is_not_listed_as_another(context: &mut Context<'_>) -> Result<(), StepError> {
    if let Outside::Supposed(supposed) = &context.outside {
        return supposed.known_identity();
    }
    let directory = context
        .live()?
        .access
        .directory
        .get_or_init(Directory::default);
    let is_elsewhere = context.step.site() == Site::Hub;
    if context.memory.is_right || is_elsewhere || !directory.labels() {
        return Ok(());
    }
    let Some(app_id) = context.row.entry.app_id.clone() else {
        return Ok(());
    };
    let name = match listed(context).await {
        Ok(pages) => pages.name_of(&app_id).map(Told::word),
        // The matter of those who need it: this entry is as wanted without it.
        Err(StepError::Call { error, .. }) if error.class != Class::OrgStopped => None,
        Err(error) => return Err(error),
    };
    if let Some(name) = name {
        if is_word(&name) {
            remember(context, &app_id, &name).await?;
        }
        is_right_app(&context.row.entry, &app_id, &name)?;
        context.memory.is_right = true;
    }
    Ok(())
}

async fn look(context: &mut Context<'_>, app_id: &str) -> Result<Box<str>, StepError> {
    let name = name_of(context, app_id).await?;
    if is_word(&name) {
        remember(context, app_id, &name).await?;
    }
    Ok(name)
}

/// Has the next checkpoint keep what an app was seen to be, unless the ledger knows.
pub(super) async fn remember(
    context: &mut Context<'_>,
    app_id: &str,
    name: &str,
) -> Result<(), StepError> {
    let Ok(live) = context.live() else {
        return Ok(());
    };
    if context.app_memory().await?.name.is_some() {
        return Ok(());
    }
    context.memory.name = Some(AppName {
        org_url: live.own_url.to_owned(),
        app_id: app_id.to_owned(),
        name: name.into(),
    });
    if let Some(app) = &mut context.memory.app {
        app.name = Some(name.into());
    }
    Ok(())
}

async fn name_of(context: &mut Context<'_>, app_id: &str) -> Result<Box<str>, StepError> {
    let (app, access) = (context.row.entry.app, context.live()?.access);
    let directory = access.directory.get_or_init(Directory::default);
    if directory.labels() {
        let pages = listed(context).await?;
        if let Some(name) = pages.name_of(app_id) {
            return Ok(name.word().into());
        }
    }
    let priority = context.priority();
    let mut caller = context.reading();
    let list = async move |pages: &mut Pages, extent: Extent| {
        let reader = &access.reader;
        pages.read(extent, reader, priority, &mut caller).await
    };
    if directory.has(app, app_id, list).await? {
        return Ok(app.name().into());
    }
    // Whoever is in no list may be another app, or none: the org says which.
    let found = context.read_live(&apps::get(app_id)).await?;
    Ok(found.name.word().into())
}
