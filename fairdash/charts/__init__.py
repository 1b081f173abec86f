"""Pictures from plain values: each comes with its words for those who cannot see it, and with the table it draws.

plotly.graph_objects only (plotly.express takes 38 ms for bars that take 1.3 ms here). Colours are Okabe and Ito's
(2008), which the colour-blind tell apart; a group's shape differs as well as its colour. A group that is too small is
grey and hollow, an undefined value has no mark but its reason in words.
"""

from __future__ import annotations

from fairdash.charts.change import Change as Change
from fairdash.charts.change import TradePoint as TradePoint
from fairdash.charts.change import before_after as before_after
from fairdash.charts.change import trade_off as trade_off
from fairdash.charts.composition import bars as bars
from fairdash.charts.composition import exposure as exposure
from fairdash.charts.composition import ratings as ratings
from fairdash.charts.composition import shares as shares
from fairdash.charts.composition import stacked as stacked
from fairdash.charts.crossing import Cell as Cell
from fairdash.charts.crossing import crossing as crossing
from fairdash.charts.frame import BLUE as BLUE
from fairdash.charts.frame import GREY as GREY
from fairdash.charts.frame import MAX_ROWS as MAX_ROWS
from fairdash.charts.frame import VERDICTS as VERDICTS
from fairdash.charts.frame import VERMILLION as VERMILLION
from fairdash.charts.frame import Chart as Chart
from fairdash.charts.frame import Verdict as Verdict
from fairdash.charts.frame import empty as empty
from fairdash.charts.frame import ink as ink
from fairdash.charts.frame import pixels as pixels
from fairdash.charts.frame import verdict as verdict
from fairdash.charts.groups import GroupValue as GroupValue
from fairdash.charts.groups import group_values as group_values
from fairdash.charts.histogram import cuts as cuts
from fairdash.charts.lever import Movers as Movers
from fairdash.charts.lever import PeopleRow as PeopleRow
from fairdash.charts.lever import PlanePoint as PlanePoint
from fairdash.charts.lever import movers as movers
from fairdash.charts.lever import movers_table as movers_table
from fairdash.charts.lever import plane as plane
from fairdash.charts.lorenz import STEPS as STEPS
from fairdash.charts.lorenz import lorenz as lorenz
from fairdash.charts.lorenz import on_step as on_step
from fairdash.charts.mini import fit as fit
from fairdash.charts.mini import mini as mini
from fairdash.charts.mirrored import Half as Half
from fairdash.charts.mirrored import mirrored as mirrored
from fairdash.charts.over_time import Moment as Moment
from fairdash.charts.over_time import over_time as over_time
from fairdash.charts.people import MAX_DOTS as MAX_DOTS
from fairdash.charts.people import Crowd as Crowd
from fairdash.charts.people import Reference as Reference
from fairdash.charts.people import people as people
from fairdash.charts.reliability import Reliability as Reliability
from fairdash.charts.reliability import ReliabilityCell as ReliabilityCell
from fairdash.charts.reliability import reliability as reliability
from fairdash.charts.ribbons import ribbons as ribbons
from fairdash.charts.spread import band as band
from fairdash.charts.spread import curves as curves
from fairdash.charts.spread import distributions as distributions
from fairdash.charts.strip import Mark as Mark
from fairdash.charts.strip import strip as strip
from fairdash.charts.timeline import timeline as timeline
