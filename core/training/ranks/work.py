"""What every rank does alike: meet the others, begin where training was kept, and the exact Fisher of its rows."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
import os
from pathlib import Path
import sys
from typing import Any, Self

import numpy as np
import psutil
from safetensors.numpy import load, load_file, save, save_file
import torch
from torch import Tensor, nn
import torch.distributed as dist

from core.data.dataset import Examples
from core.domain.errors import WrongInput
from core.domain.extension_files import extension_files
from core.domain.info import DatasetInfo, dataset_from
from core.domain.run import Recipe
from core.domain.training.ranks import check_room
from core.models.registry import MODELS
from core.models.timm_names import is_timm
from core.training.cache import to_arrays, to_tensors
from core.training.fisher import Importance, fisher_diagonal
from core.training.ranks.group import Ranks
from core.training.training_state import Training

TRAIN, FISHER = "train", "fisher"  # kinds of task
PATIENCE = timedelta(minutes=10)  # for a rank that neither answers nor ends
MEETING, WEIGHTS = "meeting", "weights.safetensors"
EXAMPLES, VALIDATION = "examples", "validation"


@dataclass(frozen=True)
class Task:
    """What all ranks do together. seed: of the training; training: version of its code; threads: of each rank on a CPU.

    extensions: name -> digest of those that rank 0 has read.
    """

    kind: str
    model: str
    data: DatasetInfo
    recipe: Recipe
    seed: int
    device: str
    training: str
    threads: int
    extensions: Mapping[str, str]

    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Self:
        """The inverse of `plain`, by way of JSON."""
        return cls(**{**plain, "data": dataset_from(plain["data"]), "recipe": Recipe(**plain["recipe"])})


def extensions_of(model: str) -> dict[str, str]:
    """Name -> digest of the extensions that this process has read, where the network is none of ours; else nothing."""
    if is_timm(model) or MODELS[model].__module__ == f"core.models.{model}":
        return {}
    return {one.name: one.digest() for one in extension_files() if one.module in sys.modules}


def check_machine(ranks: int, device: str, *, apart: bool = False) -> None:
    """Raises WrongInput where processes cannot meet by this PyTorch, or where there are GPUs, but not one for each rank.

    apart: whether each is on a machine, or has the GPU, that was chosen for it.
    """
    if not dist.is_available():
        raise WrongInput(f"ranks={ranks} needs torch.distributed, which this PyTorch was built without; leave out ranks.")
    if device.startswith("cuda") and not apart:
        check_room(ranks, device, torch.cuda.device_count())


class Meeting:
    """Where the ranks find each other: by a file in a folder that all read, or at a port of the first one's machine, which is the host."""

    def __init__(self, folder: Path, count: int, host: str = "", port: int | None = None) -> None:
        """port: of the host; None for the first rank, which opens one. Raises RuntimeError where the first does not answer there."""
        self.folder, self.count, self.port = folder, count, port or 0
        self._store: Any
        if host:
            self._store = dist.TCPStore(host, self.port, None, port is None, PATIENCE, wait_for_workers=False)  # type: ignore[attr-defined]
            self.port = self._store.port
        else:
            self._store = dist.FileStore(str(folder / MEETING), count)  # type: ignore[attr-defined]  # it is there, in C++

    def join(self, rank: int, gpu: int | None, address: str = "") -> Ranks:
        """Meet the others. gpu: this rank's, None where sums go through sockets: on this machine's own loop alone, or where address is."""
        name = _interface(address)
        for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
            os.environ[variable] = name
        if gpu is not None:
            torch.cuda.set_device(gpu)
        kind = "gloo" if gpu is None else "nccl"
        dist.init_process_group(kind, store=self._store, rank=rank, world_size=self.count, timeout=PATIENCE)
        return Ranks(rank, self.count, self.folder)


def _interface(address: str) -> str:
    """The name of this machine's network that has the address; its loop where none is asked for. Raises WrongInput."""
    networks = psutil.net_if_addrs()
    if not address:
        return next((name for name in networks if name.startswith("lo")), "lo")
    found = next((name for name, of in networks.items() if any(one.address == address for one in of)), "")
    if not found:
        raise WrongInput(f"No network of this node has the address {address:.60}, by which the cluster knows it: no rank can meet it.")
    return found


def leave() -> None:
    """The inverse of `join`; of a group that is broken whatever can be."""
    with suppress(RuntimeError):
        if dist.is_initialized():
            dist.destroy_process_group()


def abort() -> None:
    """Whatever waits for the other ranks fails at once."""
    with suppress(Exception):  # there may be no group any more
        from torch.distributed.distributed_c10d import _abort_process_group  # noqa: PLC0415  # not in every build

        _abort_process_group()


def hand_over(folder: Path, sets: Mapping[str, Examples]) -> None:
    """Write sets of examples; images that several have in common are written once."""
    written = list[Tensor]()
    for name, examples in sets.items():
        where = next((index for index, images in enumerate(written) if images is examples.stored), len(written))
        if where == len(written):
            np.save(folder / f"images {where}.npy", examples.stored.cpu().numpy())
            written.append(examples.stored)
        rows = {} if examples.rows is None else {"rows": examples.rows}
        about = {"labels": examples.labels, "peak": torch.tensor(examples.peak), "images": torch.tensor(where)}
        save_file(to_arrays(about | rows), folder / f"{name}.safetensors")


def handed_over(folder: Path, name: str) -> Examples | None:
    """Those that `hand_over` wrote, their images mapped from the file; None where there are none of this name."""
    file = folder / f"{name}.safetensors"
    if not file.exists():
        return None
    found = to_tensors(load_file(file))
    images = torch.from_numpy(np.load(folder / f"images {int(found['images'])}.npy", mmap_mode="c"))  # nobody writes: nothing is copied
    return Examples(images, found["labels"], int(found["peak"]), found.get("rows"))


def begins_alike(ranks: Ranks, resume: Callable[[Training], int] = lambda _: 0) -> Callable[[Training], int]:
    """What `fit` asks before its first epoch: rank 0 asks `resume`, and the others get from it where training stands."""
    if ranks.count == 1:
        return resume

    def begin(training: Training) -> int:
        done = resume(training) if ranks.rank == 0 else 0
        done = ranks.first_says(done)
        if done:
            content = ranks.first_gives(save(to_arrays(training.tensors())) if ranks.rank == 0 else b"")
            if ranks.rank:
                training.restore(to_tensors(load(content)))
        ranks.agree(training.model, "no step")
        return done

    return begin


def fisher_over(ranks: Ranks, model: nn.Module, examples: Examples, on_share: Callable[[float], None] | None = None) -> Importance:
    """As `fisher_diagonal` of all the examples: each rank sums over its rows, or over all where there are fewer rows than ranks.

    examples: all, on the model's device, the same in all ranks. Raises ValueError as that does.
    """
    mine = ranks.rows(len(examples)) if len(examples) >= ranks.count else slice(0, len(examples))
    own, count = examples.subset(torch.arange(mine.start, mine.stop, device=examples.labels.device)), mine.stop - mine.start
    found = fisher_diagonal(model, own.batches, total=count, on_share=on_share)
    for value in found.values():
        value.mul_(count / len(examples) if count < len(examples) else 1 / ranks.count)
    ranks.sum_all(list(found.values()))
    return found
