"""A run at Weights & Biases that never costs the training: the server is asked before, and for seconds only."""

from __future__ import annotations

import logging
import netrc
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pytorch_lightning.loggers import WandbLogger

from molgfn.errors import ConfigError

logger = logging.getLogger("molgfn")

#: seconds in which the server must answer, and in which it must have made the run
ANSWER, START = 5.0, 30.0
#: where Weights & Biases keeps what it sends later; by default in the home folder
STAGING = "WANDB_DATA_DIR"
LATER = "`wandb sync` sends it later"


def logged_in() -> bool:
    """An API key is at hand (environment or netrc); asks nobody."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        hosts = netrc.netrc(os.environ.get("NETRC")).hosts
    except (OSError, netrc.NetrcParseError):
        return False
    return bool(hosts) and _host(server()) in hosts


def server() -> str:
    """URL of the server that Weights & Biases would talk to."""
    import wandb

    return os.environ.get("WANDB_BASE_URL") or str(wandb.Settings().base_url)


def unavailable() -> str | None:
    """Why there can be no run on the server now, or None; takes a few seconds at most where there is no network."""
    import wandb

    if not logged_in():
        return "nobody is logged in (no WANDB_API_KEY, and no key from `wandb login`)"
    url = server()
    try:
        urllib.request.urlopen(url, timeout=ANSWER).close()
    except urllib.error.HTTPError:
        pass  # an answer
    except OSError as error:
        reason = getattr(error, "reason", error)
        if not isinstance(reason, ssl.SSLError):  # which Weights & Biases may be told to put up with
            return f"{_host(url)} cannot be reached ({reason})"
    try:
        wandb.login(verify=True, timeout=int(ANSWER))
    except (wandb.Error, ValueError, OSError) as error:
        return _first_line(error)
    return None


def settled(wanted: Literal["auto", "online"]) -> Literal["online", "offline"]:
    """Where a run of someone who is logged in goes, now that the server was asked.

    Raises:
        ConfigError: "online", and the server cannot be used.
    """
    reason = unavailable()
    if reason is None:
        return "online"
    if wanted == "online":
        raise ConfigError(f"logger.wandb: online, but {reason}; logger.wandb=offline keeps the run here, {LATER}")
    logger.warning("Weights & Biases: %s; the run is kept offline in its folder, and %s", reason, LATER)
    return "offline"


def start(folder: Path, mode: Literal["online", "offline"], *, fall_back: bool, **arguments: Any) -> Any:
    """Open the run.

    Args:
        folder: its files go to ``wandb`` inside.
        mode: "online" or "offline".
        fall_back: whether a run that the server does not make in time is kept offline instead.
        **arguments: for ``wandb.init``, such as ``id`` and ``project``.

    Returns:
        The run; None where it may fall back and cannot be kept in the folder either, which is said.

    Raises:
        ConfigError: it cannot be opened.
    """
    # what waits to be sent belongs to the run, not to the home folder of this machine
    place, run = str(folder.resolve() / "wandb"), None
    os.environ.setdefault(STAGING, place)
    try:
        run = _opened(folder, mode, fall_back, arguments)
    finally:
        if run is None:
            _let_go(place)
    return run


def _opened(folder: Path, mode: Literal["online", "offline"], fall_back: bool, arguments: dict[str, Any]) -> Any:
    import wandb

    given = {**arguments, "dir": str(folder.resolve())}
    try:
        if mode == "offline":
            return wandb.init(mode="offline", **given)
        return wandb.init(resume="allow", settings=wandb.Settings(init_timeout=START), **given)
    except (wandb.Error, ValueError, OSError) as error:
        reason = _first_line(error)
    if mode == "offline" or not fall_back:
        way = f"logger.wandb=offline keeps it here, {LATER}" if mode == "online" else "logger.wandb=off goes without"
        raise ConfigError(f"logger.wandb: {mode}, but no run can be made ({reason}); {way}")
    try:
        run = wandb.init(mode="offline", **given)
    except (wandb.Error, ValueError, OSError) as error:
        logger.warning("Weights & Biases: %s; %s; the run goes without it", reason, _first_line(error))
        return None
    logger.warning("Weights & Biases: %s; the run is kept offline in its folder, and %s", reason, LATER)
    return run


def log_checkpoint(run: Any, checkpoint: Path) -> None:
    """A copy of the file as an artefact ``checkpoint-<id of the run>`` of the type ``model``."""
    import wandb

    artefact = wandb.Artifact(f"checkpoint-{run.id}", type="model", metadata={"run": run.name})
    artefact.add_file(str(checkpoint), name=checkpoint.name, policy="mutable")
    run.log_artifact(artefact)


def finish(run: Any, exit_code: int = 0) -> None:
    """Close the run; another one in this process is then not taken for it."""
    place = str(Path(run.settings.wandb_dir))
    try:
        run.finish(exit_code=exit_code)
    finally:  # also where it could not be closed: the next run has a folder of its own
        _let_go(place)


def _let_go(place: str) -> None:
    if os.environ.get(STAGING) == place:
        del os.environ[STAGING]


class WandbRun(WandbLogger):
    """Lightning's logger of a run that is open already, closed when training ends.

    Where it fails in the middle, training goes on without it: ``metrics.csv`` has everything. This is said once.

    Args:
        run: of ``start``.
        checkpoint: a file that goes along as an artefact when training ends, where it is there; None for none.
    """

    def __init__(self, run: Any, checkpoint: Path | None = None) -> None:
        super().__init__(name=run.name, project=run.project, id=run.id, experiment=run)
        self._given_up = False
        self._checkpoint = checkpoint
        run.define_metric("trainer/global_step")
        run.define_metric("*", step_metric="trainer/global_step", step_sync=True)

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        self._guarded(lambda: super(WandbRun, self).log_metrics(metrics, step))

    def log_image(self, key: str, images: list[Any], step: int | None = None, **kwargs: Any) -> None:
        self._guarded(lambda: super(WandbRun, self).log_image(key, images, step, **kwargs))

    def finalize(self, status: str) -> None:
        self._guarded(lambda: super(WandbRun, self).finalize(status))
        if self._checkpoint is not None and self._checkpoint.is_file():
            checkpoint = self._checkpoint
            self._guarded(lambda: log_checkpoint(self.experiment, checkpoint))
        self._given_up = False  # what is kept may still be sent
        self._guarded(lambda: finish(self.experiment, int(status != "success")))

    def _guarded(self, do: Callable[[], object]) -> None:
        if self._given_up:
            return
        try:
            do()
        except Exception as error:  # whatever it is that a service of others comes to
            self._given_up = True
            logger.warning(
                "Weights & Biases: %s: %s; nothing more goes there, metrics.csv has everything",
                type(error).__name__,
                _first_line(error),
            )


def _host(url: str) -> str:
    return url.split("//")[-1].split("/")[0]


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0]
