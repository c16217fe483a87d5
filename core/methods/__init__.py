"""The shelf of methods. To add one: write its file, then its line here."""

from core.methods.base import UnlearningMethod
from core.methods.finetune import Finetune
from core.methods.original import Original
from core.methods.retrain import Retrain
from core.methods.ssd import SSD

METHODS: dict[str, type[UnlearningMethod]] = {m.key: m for m in (SSD, Finetune, Retrain, Original)}
