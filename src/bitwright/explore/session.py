"""A search from its options to its files: the folder ``build/MODEL/explore_TARGET``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from bitwright.config import ModelConfig, TargetConfig, TrainConfig
from bitwright.config.published import PublishedPoint, load_published
from bitwright.config.yamlfile import Config, read_yaml
from bitwright.errors import ModelError, UsageError
from bitwright.explore.builder import FinetunedBuilder, QuantBuilder, trained_limits, with_trained_weights
from bitwright.explore.figures import Limits
from bitwright.explore.finetune import Training
from bitwright.explore.front import Front, FrontPoint, make_front, write_front
from bitwright.explore.plot import render_plot
from bitwright.explore.search import SAMPLERS, Budget, search
from bitwright.explore.space import SearchSpace, Space, make_space
from bitwright.explore.store import Store
from bitwright.explore.study import Member, Say, Study
from bitwright.files import digest, exclusive, read_json, write_json, write_text
from bitwright.frontend.rows import Rows, read_rows
from bitwright.frontend.train_options import Job as TrainJob
from bitwright.frontend.train_options import Options as TrainOptions
from bitwright.frontend.train_rows import choose_rows
from bitwright.network import load
from bitwright.quant.float_model import FloatModel, read_model
from bitwright.quant.float_model import load as load_float
from bitwright.quant.float_model import save as save_float
from bitwright.quant.fold import fold
from bitwright.quant.options import Options
from bitwright.report.track.dashboard import family
from bitwright.stages import job as jobs
from bitwright.stages.runner import run_stage
from bitwright.stages.table import BY_NAME

REQUEST = "explore.json"
OPTIONS = Options(per_channel=False)
"""One scale for all weights of a layer: a channel of its own finer scale costs adders for little."""


class Request(Config):
    """What a search is asked: ``explore.json`` of its folder, which workers read."""

    model: str
    root: Path
    target: str | None = None
    space: SearchSpace = SearchSpace()
    space_file: str = ""
    members: tuple[str, ...] = Field(default=(), description="trained models that stand in the front as they are")
    budget: str = "100"
    sampler: str = "active"
    seed: int = 1
    storage: str = Field(default="", description="path or URL; search.sqlite in the folder where empty")
    jobs: int = 1
    finetune: int = Field(default=0, description="epochs in which each candidate's weights learn its formats")


@dataclass(frozen=True)
class Session:
    """A search that is ready to go on."""

    request: Request
    config: ModelConfig
    target: TargetConfig
    folder: Path
    study: Study
    space: Space
    rows: Rows
    trained: Member
    """The model as it is."""

    def add_members(self, say: Say) -> None:
        """The model as it was trained, and the others that were named: with real synthesis, before the search."""
        self.study.add_member(self.trained, say)
        for name in dict.fromkeys(self.request.members):
            self.study.add_member(_member(name, self.request.root, self.target, self.folder, say), say)

    def search(self, say: Say, worker: int = 0) -> int:
        """Search until the budget is spent; the number of evaluations."""
        sampler = SAMPLERS[self.request.sampler](self.space)
        budget = Budget.parse(self.request.budget)
        return search(self.study, self.space, sampler, budget, self.request.seed + worker, say)

    def finish(self, limits: Limits, say: Say) -> tuple[Front, FrontPoint | None]:
        """Make the front real, and write it; the nearest point too, where none keeps the limits."""
        self.study.settle(say)
        known, data = self.study.evaluations(), self.config.data
        assert data is not None
        front, nearest = make_front(
            known, limits, self.study.surrogate(), model=self.config.name, target=self.target.name,
            dataset=f"{data.name}, {data.split}, {len(self.rows.y):,} rows", synthetic=data.synthetic,
        )  # fmt: skip
        write_front(front, self.folder)
        write_text(self.folder / "front.html", render_plot(front, known, self._published()))
        return front, nearest

    def _published(self) -> list[PublishedPoint]:
        """Other people's designs on the same data set."""
        data = self.config.data
        assert data is not None
        points = load_published(self.request.root / "reports" / "published.yaml").points
        return [point for point in points if point.dataset == family(data.name)]


def folder_of(model: str, root: Path, target: str | None) -> Path:
    """Where the searches of a model on a target are kept."""
    config, _ = jobs.find_model(model, root)
    wanted = jobs.load_target(jobs.find_target(target or config.target, root))
    return root / "build" / config.name / f"explore_{wanted.name}"


def checked_folder(request: Request) -> Path:
    """The folder of a search, once all that can be checked without loading the model has been; nothing is written.

    Raises:
        UsageError: no such model, target or profile, or no budget.  ModelError: no labelled rows.
    """
    config, _ = jobs.find_model(request.model, request.root)
    Budget.parse(request.budget)
    if config.data is None:
        hint = "name labelled rows under 'data' in a model.yaml: accuracy is measured on them"
        raise ModelError("the model has no data", where=str(config.source), hint=hint)
    read_rows(config.data.file)
    return folder_of(request.model, request.root, request.target)


def open_session(request: Request, say: Say) -> Session:
    """Read the model, in float and as it was trained, and make its space.

    Raises:
        UsageError: as :func:`checked_folder`.  ModelError: a model that cannot be quantized.
        ConfigError: a space that the model does not have, or with nothing valid in it.
    """
    folder = checked_folder(request)
    config, _ = jobs.find_model(request.model, request.root)
    target = jobs.load_target(jobs.find_target(request.target or config.target, request.root))
    assert config.data is not None
    rows = read_rows(config.data.file)
    trained = _member(request.model, request.root, target, folder, say)
    model = with_trained_weights(_float_model(config, folder, say), trained.network)
    plain = QuantBuilder(model, rows, OPTIONS, trained_limits(trained.network))
    builder = FinetunedBuilder(plain, _training(config, request), folder / "tuned") if request.finetune else plain
    space = make_space(request.space, builder.layers, request.space_file or "search space")
    study = Study(builder, rows, target, Store(request.storage or folder / "search.sqlite"), request.jobs)
    return Session(request, config, target, folder, study, space, rows, trained)


def _float_model(config: ModelConfig, folder: Path, say: Say) -> FloatModel:
    """The model in float, read once for each content of its file."""
    path = folder / f"float_{digest(config.source)[:16]}.json"
    if not path.is_file():
        say(f"reading {config.source.name} with TensorFlow")
        save_float(fold(read_model(config.source, config.name, config.weights)), path)
    return load_float(path)


def _training(config: ModelConfig, request: Request) -> Training:
    """How the model was trained, as ``bitwright train`` takes it from model.yaml: rows, rate and penalty.

    Raises:
        UsageError: the model is not one that can be trained.
    """
    folder = config.source.parent
    if not (folder / "generator.npz").is_file():
        hint = "fine-tuning needs the rows of 'bitwright train': a folder of models/ with a generator.npz"
        raise UsageError(f"{config.name} has no training rows", where=str(folder), hint=hint)
    train = config.train or TrainConfig()
    found = choose_rows(TrainJob(folder, folder, config, train, "generated"))
    penalty = TrainOptions.of(train).l1
    return Training(found.train.x, found.soft, request.finetune, train.batch_size, train.learning_rate, penalty)


def _member(name: str, root: Path, target: TargetConfig, folder: Path, say: Say) -> Member:
    """A trained model through the import stage."""
    config, origins = jobs.find_model(name, root)
    job = jobs.prepare(config, target, folder / "members" / config.name, ["make explore"], origins)
    with exclusive(job.folder):
        run_stage(BY_NAME["import"], job, lambda words: say(f"import: {words}"))
    return Member(config.name, load(job.stage("import") / "network.json"), name)


def write_request(request: Request, folder: Path) -> None:
    """Leave what was asked where workers find it."""
    write_json(folder / REQUEST, request.model_dump(mode="json"))


def read_request(folder: Path) -> Request:
    """What :func:`write_request` left."""
    return Request.model_validate(read_json(folder / REQUEST))


def load_space(path: Path | None) -> SearchSpace:
    """The space of a file; the default one where none is given.

    Raises:
        ConfigError: the file is wrong.
    """
    return SearchSpace() if path is None else read_yaml(path, SearchSpace)
