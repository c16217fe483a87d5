"""The registry of methods, in the order that pages offer them. To add one: write its file, then its line here."""

from core.methods.aru import ARU
from core.methods.bad_teacher import BadTeacher
from core.methods.base import UnlearningMethod
from core.methods.boundary_shrink import BoundaryShrink
from core.methods.convolution_transpose import ConvolutionTranspose
from core.methods.delete import Delete
from core.methods.finetune import Finetune
from core.methods.fisher_forgetting import FisherForgetting
from core.methods.gradient_ascent import GradientAscent
from core.methods.influence import Influence
from core.methods.l1_sparse import L1Sparse
from core.methods.last_layers import LastLayers
from core.methods.neggrad_plus import NegGradPlus
from core.methods.original import Original
from core.methods.random_label import RandomLabel
from core.methods.retrain import Retrain
from core.methods.salun import SalUn
from core.methods.scrub import SCRUB
from core.methods.ssd import SSD
from core.methods.ssse import SSSE
from core.methods.unsir import UNSIR
from core.methods.weight_perturbation import WeightPerturbation

_CLASSES = (
    *(SSD, SSSE, ARU, UNSIR, WeightPerturbation),  # those that the dashboard is about
    *(SalUn, SCRUB, NegGradPlus, BadTeacher, Delete, RandomLabel, FisherForgetting, GradientAscent, L1Sparse, LastLayers),
    *(BoundaryShrink, Influence, ConvolutionTranspose, Finetune),
    *(Retrain, Original),
)
METHODS: dict[str, type[UnlearningMethod]] = {m.key: m for m in _CLASSES}
