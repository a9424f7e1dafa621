//! `rotate-keys`: new keys for the connections whose keys Okta does not rotate. A run of its own kind, which neither goes on
//! with a run that makes the file so, nor is one gone on with by `run`.

use super::args;
use super::failed_start;
use super::output::Output;
use super::outputs::refuse_mixed;
use super::start::start;
use super::target;
use crate::engine::Engine;
use crate::failure::{Ending, Failure};
use crate::manifest::{KeyRotation, OldKey};
use crate::pacing::unix_millis;
use crate::rollout::rotating::Rotating;
use crate::settings::Settings;

/// `rotate-keys`. A start that fails is kept.
pub(super) async fn rotate_keys(
    args: &args::RotateKeys,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let (engine, at) = (Engine::new(), unix_millis());
    let ended = Box::pin(rotate(args, &engine, settings, output)).await;
    if let Err(failure) = &ended {
        failed_start::keep(&args.file, failure, at, settings).await;
    }
    ended
}

async fn rotate(
    args: &args::RotateKeys,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let mut target = target::read(&args.file, settings, output)?;
    refuse_mixed(&target.policy, args.format)?;
    let settings = settings.with_policy(&target.policy);
    target.rotates = Some(Rotating {
        keys: KeyRotation {
            validity_years: args.years,
            old_key: match args.overlap {
                Some(_) => OldKey::Stays,
                None => OldKey::Goes,
            },
        },
        overlap: args.overlap,
    });
    let run = args::Run {
        only: args.only.clone(),
        format: args.format,
        ..args::Run::of_file(args.file.clone(), args.allow_exec)
    };
    Box::pin(start(target, None, &run, engine, &settings, output)).await
}
