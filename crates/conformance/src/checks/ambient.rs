//! What is taken from the process without being asked for.

use std::{env, process::Command, sync::Arc};

use super::Outcome;
use crate::{Failure, Subject, failure::ensure};

/// The check that is run in the empty environment.
const PROBE: &str = "signs_every_size";

/// Runs another check of the same subject in a process of its own, whose environment is empty: what opens here and not
/// there reads variables behind the back of [`Env`](keybearer_core::Env). What finds programs and temporary files
/// remains, for the test's own preparations.
pub(super) async fn needs_no_process_environment(
    subject: Arc<dyn Subject>,
    trial: String,
) -> Outcome {
    let Some((name, _)) = trial.rsplit_once("::") else {
        return Err(Failure::new(format!(
            "the trial {trial} is not named as one of a subject"
        )));
    };
    let program = env::current_exe()
        .map_err(|error| Failure::new(format!("the test program does not find itself: {error}")))?;
    let kept = ["PATH", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT"]
        .map(str::to_owned)
        .into_iter()
        .chain(subject.process_variables())
        .filter_map(|name| Some((name.clone(), env::var_os(name)?)));
    let output = Command::new(program)
        .args(["--exact", &format!("{name}::{PROBE}")])
        .env_clear()
        .envs(kept)
        .output()
        .map_err(|error| Failure::new(format!("the test program cannot be run again: {error}")))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    ensure!(
        output.status.success() && said.contains(" 1 passed"),
        "{PROBE} passes here and not where the environment of the process is empty:\n{said}"
    );
    Ok(())
}
