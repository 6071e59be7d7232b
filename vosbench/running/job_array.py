"""Write the scripts of a Slurm job array that runs all shards of a run and of the job that scores it; submit both.

Slurm is the scheduler: it sends tasks to free nodes and requeues them after preemption.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vosbench.errors import VosbenchError
from vosbench.io.files import write_text
from vosbench.running.slurm import EXIT_REQUEUE

NOTICE_SECONDS = 30  # between the signal and the end of a task's time limit; Slurm may send the signal 60 earlier
RESERVED_OPTIONS = ("array", "job-name", "open-mode", "output", "requeue", "signal")  # of sbatch, set by the scripts
SHARED_OPTIONS = ("account", "comment", "export", "mail-type", "mail-user", "wckey")
"""The options of the array that are also those of the job that scores: who pays and who is told, but no resources."""
DEFAULT_NAME = "vosbench"
REFUSED = "nothing was submitted; correct the options: --option is for the array, --eval-option for the job that scores"


@dataclass(frozen=True)
class JobArrayPlan:
    """What a job array runs.

    run: the folder of the run. infer: the command of each task, without --shard. evaluate: the command that scores
    the run, empty for a split without public ground truth. shards: the number of tasks. options, eval_options: further
    options of sbatch for the array and for the job that scores, such as "partition=gpu". name: of the jobs. throttle:
    the most tasks that run at once; None for no limit. prologue: lines of shell that both scripts run first.
    """

    run: Path
    infer: tuple[str, ...]
    evaluate: tuple[str, ...]
    shards: int
    options: tuple[str, ...] = ()
    eval_options: tuple[str, ...] = ()
    name: str = DEFAULT_NAME
    throttle: int | None = None
    prologue: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """The scripts, beside the run's folder: of the array, and of the job that scores the run after it."""
        steps = ("infer", "eval") if self.evaluate else ("infer",)
        return tuple(self.run.with_name(f"{self.run.name}.{step}.sbatch") for step in steps)

    def log(self, pattern: str) -> str:
        """The file for what a job prints. pattern: as Slurm expects it, such as %j.

        It is absolute, because Slurm takes a relative one from the folder in which sbatch is run, and a job whose log
        cannot be written dies without a word.
        """
        path = self.run.absolute().with_name(f"{self.run.name}.slurm-")
        return f"{str(path).replace('%', '%%')}{pattern}.log"


def is_option(option: str) -> bool:
    """Whether `option` is NAME=VALUE or NAME for sbatch, in the long form without dashes, and not a reserved one."""
    name, _, value = option.partition("=")
    return bool(re.fullmatch(r"[a-z][a-z-]*", name)) and value.isprintable() and name not in RESERVED_OPTIONS


def parse_prologue(given: str) -> str:
    """Return the line of shell for a prologue: the line itself, or one that reads the file that was given.

    Raises VosbenchError for more than one line, and for the path of a file that does not exist.
    """
    subject = f"--prologue {given!r}"
    if Path(given).is_file():
        return f"source {shlex.quote(str(Path(given).absolute()))}"
    if not given.isprintable() or not given.strip():
        raise VosbenchError(subject, "expected a line of shell, or a file", "put several lines into a file")
    if "/" in given and not re.search(r"\s", given):
        raise VosbenchError(
            subject, "no such file", f'for a command write more than its path, such as "source {given}"'
        )
    return given


def format_array_script(plan: JobArrayPlan) -> str:
    """The batch script of the array. A task that SIGUSR1 has stopped requeues itself.

    Slurm sends SIGUSR1 before the time limit, and the user may send it by `scancel --signal=USR1`. It reaches the
    process that `srun` started, or the shell, which passes it on. A plain `scancel` sends SIGTERM: the task ends for
    good. After preemption Slurm itself requeues the task. A task that has finished no video since its last start ends
    with another status and is not requeued.
    """
    throttle = f"%{plan.throttle}" if plan.throttle else ""
    return f"""\
#!/bin/bash
#SBATCH --job-name={plan.name}
#SBATCH --array=1-{plan.shards}{throttle}
#SBATCH --output="{plan.log("%A_%a")}"
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@{NOTICE_SECONDS}
{_format_directives(plan.options)}
# Each task tracks one shard into the run's folder, which all tasks share. Videos that are done are skipped.
{_format_prologue(plan)}
srun --ntasks=1 ${{SLURM_CPUS_PER_TASK:+--cpus-per-task=$SLURM_CPUS_PER_TASK}} \
    {shlex.join(plan.infer)} --shard "$SLURM_ARRAY_TASK_ID/{plan.shards}" &
child=$!
trap 'kill -USR1 $child; noticed=yes' USR1
while wait $child; status=$?; [ "$noticed" ]; do noticed=; done  # a signal ends `wait` before the child has ended
if [ $status -eq {EXIT_REQUEUE} ]; then scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"; fi
exit $status
"""


def format_eval_script(plan: JobArrayPlan) -> str:
    """The batch script of the job that scores the run after all tasks of the array have ended.

    It needs no GPU and little time, so of the array's options it has only SHARED_OPTIONS.
    """
    shared = set(SHARED_OPTIONS) - {option.partition("=")[0] for option in plan.eval_options}
    options = [*(option for option in plan.options if option.partition("=")[0] in shared), *plan.eval_options]
    return f"""\
#!/bin/bash
#SBATCH --job-name={plan.name}-eval
#SBATCH --output="{plan.log("%j")}"
{_format_directives(options)}
{_format_prologue(plan)}
{shlex.join(plan.evaluate)}
"""


def write_scripts(plan: JobArrayPlan) -> list[str]:
    """Write the scripts and return the commands that submit them, in which ARRAY stands for the first job's number.

    Raises VosbenchError if a prologue is not valid shell.
    """
    texts = [format_array_script(plan), format_eval_script(plan)]
    _check_shell(texts[0])
    commands = []
    for path, text, dependency in zip(plan.files, texts, ("", "--dependency=afterany:ARRAY "), strict=False):
        write_text(path, text)
        commands.append(f"sbatch {dependency}{shlex.quote(str(path))}")
    return commands


def submit_scripts(plan: JobArrayPlan) -> list[str]:
    """Write the scripts, let Slurm check all of them, submit them and return the numbers of the jobs.

    Raises VosbenchError if there is no sbatch on this machine, or if Slurm refuses a script; then none is submitted.
    """
    write_scripts(plan)
    for path in plan.files:
        _run_sbatch("--test-only", str(path))
    first, *others = plan.files
    jobs = [_run_sbatch("--parsable", str(first))]
    for path in others:
        try:
            jobs.append(_run_sbatch("--parsable", f"--dependency=afterany:{jobs[0]}", str(path)))
        except VosbenchError as error:
            found = f"{error.found}, after the array was submitted as {jobs[0]}"
            again = f"sbatch --dependency=afterany:{jobs[0]} {shlex.quote(str(path))}"
            raise VosbenchError(error.subject, found, f"repeat: {again}; or: scancel {jobs[0]}") from None
    return jobs


def _run_sbatch(*arguments: str) -> str:
    try:
        done = subprocess.run(["sbatch", *arguments], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise VosbenchError("sbatch", "not found", "submit the scripts on a machine that has Slurm") from None
    except subprocess.CalledProcessError as error:
        raise VosbenchError(f"sbatch {arguments[-1]}", " ".join(error.stderr.split()), REFUSED) from None
    return done.stdout.strip().partition(";")[0]


def _check_shell(script: str) -> None:
    if bash := shutil.which("bash"):
        checked = subprocess.run([bash, "-n"], input=script, capture_output=True, text=True)
        if checked.returncode:
            found = " ".join(checked.stderr.split())
            raise VosbenchError("--prologue", f"not valid shell ({found})", "correct it, or put it into a file")


def _format_prologue(plan: JobArrayPlan) -> str:
    return "\n".join([f"cd {shlex.quote(str(Path.cwd()))}", *plan.prologue])


def _format_directives(options: Sequence[str]) -> str:
    return "".join(f"#SBATCH --{_quote_option(option)}\n" for option in options)


def _quote_option(option: str) -> str:
    """The option with quotes around a value that has spaces, as Slurm expects it."""
    name, equals, value = option.partition("=")
    return f'{name}{equals}"{value}"' if " " in value else option
