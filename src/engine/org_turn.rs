//! Whose turn it is to work on an org, where several processes share a ledger: whoever holds its partition works it off, the
//! others wait until they get it, or until nothing of the org can move any more.

use std::pin::pin;
use std::sync::atomic::Ordering;

use super::org::{OrgSlot, OrgTask};
use super::process::Engine;
use super::turn::Turn;
use crate::ledger::{LedgerError, OrgHold};

/// Works on an org until nothing of it can move, or the run is interrupted.
pub(super) async fn work(slot: OrgSlot, engine: Engine) -> Result<(), LedgerError> {
    let interrupt = engine.cancellation();
    let Some(turn) = slot.turn.clone() else {
        if let Some(place) = engine.capacity().org(interrupt).await {
            // Boxed, so that orgs that wait for their turn take little memory.
            Box::pin(OrgTask::new(slot, place, None).run()).await?;
        }
        return Ok(());
    };
    // Boxed for the same reason.
    Box::pin(in_turn(slot, &turn, &engine)).await
}

async fn in_turn(slot: OrgSlot, turn: &Turn, engine: &Engine) -> Result<(), LedgerError> {
    let interrupt = engine.cancellation();
    while !interrupt.is_cancelled() {
        turn.set_waits(true);
        let got = tokio::select! {
            got = hold(&slot) => Some(got?),
            () = turn.ended() => None,
            () = interrupt.cancelled() => None,
        };
        turn.set_waits(false);
        let Some(hold) = got else { break };
        if !works_off(&slot, &hold, engine).await? {
            break;
        }
    }
    Ok(())
}

async fn hold(slot: &OrgSlot) -> Result<OrgHold, LedgerError> {
    if slot.org.is_elsewhere() {
        return std::future::pending().await;
    }
    slot.common.ledger.hold_org(slot.org.url()).await
}

/// `true` = it was to be given up before it was worked off.
async fn works_off(slot: &OrgSlot, hold: &OrgHold, engine: &Engine) -> Result<bool, LedgerError> {
    let ours = engine.cancellation().child();
    let ended = async {
        let Some(place) = engine.capacity().org(&ours).await else {
            return Ok(());
        };
        // Others may have spent from its budgets since this process did.
        let remembered = slot.common.remembered_of(slot.org.url()).await?;
        slot.org.gate.begin_anew(remembered.as_ref());
        // What was looked at before may be another one's work since.
        slot.looked_at.store(false, Ordering::Relaxed);
        let _waker = engine.gates().wake_on(&ours);
        Box::pin(OrgTask::new(slot.clone(), place, Some(ours.clone())).run()).await
    };
    let mut ended = pin!(ended);
    let done = tokio::select! {
        done = &mut ended => done,
        () = hold.ends() => {
            ours.cancel();
            ended.await
        }
    };
    done?;
    // Whoever has it next is to know what was spent.
    slot.common.status.settled().await?;
    Ok(ours.is_cancelled())
}
