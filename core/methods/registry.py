"""The registry of methods, in the order that pages offer them. To add one: write its file, then its line here."""

from core.domain.methods.chains import is_chain, steps_of
from core.domain.shelf import Shelf
from core.methods.aru import ARU
from core.methods.base import UnlearningMethod
from core.methods.baselines.bad_teacher import BadTeacher
from core.methods.baselines.boundary_shrink import BoundaryShrink
from core.methods.baselines.convolution_transpose import ConvolutionTranspose
from core.methods.baselines.delete import Delete
from core.methods.baselines.finetune import Finetune
from core.methods.baselines.fisher_forgetting import FisherForgetting
from core.methods.baselines.gradient_ascent import GradientAscent
from core.methods.baselines.guided import Guided
from core.methods.baselines.influence import Influence
from core.methods.baselines.l1_sparse import L1Sparse
from core.methods.baselines.last_layers import LastLayers
from core.methods.baselines.masked_small_gradients import MaskedSmallGradients
from core.methods.baselines.neggrad_plus import NegGradPlus
from core.methods.baselines.original import Original
from core.methods.baselines.random_label import RandomLabel
from core.methods.baselines.retrain import Retrain
from core.methods.baselines.salun import SalUn
from core.methods.baselines.scrub import SCRUB
from core.methods.baselines.sfron import SFRon
from core.methods.chains import chained
from core.methods.single_images.amnesiac import Amnesiac
from core.methods.single_images.amun import AMUN
from core.methods.sisa import SISA
from core.methods.ssd import SSD
from core.methods.ssse import SSSE
from core.methods.unsir import UNSIR
from core.methods.weight_perturbation import WeightPerturbation

_CLASSES = (
    *(SSD, SSSE, ARU, UNSIR, WeightPerturbation),  # those that the dashboard is about
    *(SalUn, SCRUB, NegGradPlus, BadTeacher, Delete, RandomLabel, FisherForgetting, GradientAscent, L1Sparse, LastLayers),
    *(BoundaryShrink, Influence, ConvolutionTranspose, MaskedSmallGradients, SFRon, AMUN, Amnesiac, Guided, Finetune),
    *(SISA, Retrain, Original),
)


class _Methods(Shelf[type[UnlearningMethod]]):
    """Chains are on no list: one is made of its methods when it is asked for."""

    def __missing__(self, key: str) -> type[UnlearningMethod]:
        """Raises WrongInput."""
        if is_chain(key):
            return chained([self[step] for step in steps_of(key)])
        return super().__missing__(key)


METHODS: Shelf[type[UnlearningMethod]] = _Methods("method", {m.key: m for m in _CLASSES})
