"""The sections of the samples that a table of line patterns splits."""

# The sections of each sample: first and last line with the comment above, kind, name.
SECTIONS = {
    "queue.clj": """
        1-3 module depot.queue
        5-5 variable max-attempts
        7-7 variable waiting
        9-9 class Parcel
        11-12 interface Vehicle
        14-17 function heavy?
        19-22 function send-back
        24-30 function postpone
        32-34 function carry
        36-37 macro with-ramp
    """,
    "queue.cmake": """
        2-2 section depot
        4-4 variable DEPOT_WITH_SCALE
        5-8 variable DEPOT_SOURCES
        10-16 function depot_add_test
        18-20 macro depot_warnings
        22-22 target depot
        26-26 section libusb
        27-27 target simulated_scale
        30-30 target loader
    """,
    "queue.css": """
        1-5 rule :root
        7-13 rule .board--wide
        15-19 rule .board__row--overdue > td:first-child
        21-23 rule @keyframes blink
        25-36 rule @media print
        26-30 rule .board__row--overdue
        32-35 rule .toolbar
        38-41 function stamped
    """,
    "queue.dart": """
        3-3 type Carry
        5-5 enum Care
        7-14 class Parcel
        9-9 method Parcel
        13-13 variable isHeavy
        16-18 class Vehicle
        20-22 class Audited
        21-21 method log
        24-45 class ParcelQueue
        26-26 method ParcelQueue.empty
        28-37 method postpone
        39-42 method byStreet
        47-49 class Heavy
        48-48 variable kilos
    """,
    "queue.dockerfile": """
        1-2 -
        4-10 stage builder
        6-8 -
        9-9 -
        10-10 -
        12-21 stage runtime
        13-14 -
        15-15 -
        16-16 -
        17-18 -
        19-19 -
        20-20 -
        21-21 -
        23-24 -
        24-24 -
    """,
    "queue.erl": """
        1-5 module queue_of_parcels
        7-7 macro MAX_ATTEMPTS
        9-9 struct parcel
        11-11 type care
        13-15 function start_link
        17-19 function init
        21-25 function postpone
        27-30 function handle_call
        32-33 function send_back
    """,
    "queue.f90": """
        1-41 module depot_queue
        10-14 struct parcel
        16-20 interface weigh
        22-26 function is_heavy
        28-34 function postpone
        36-41 function weigh_one
        43-46 module night
    """,
    "Queue.fs": """
        1-2 module Depot.Queue
        6-8 type Care
        10-11 type Parcel
        13-13 variable maxAttempts
        15-16 function isHeavy
        18-26 function postpone
        28-29 type IVehicle
        29-29 method Load
        31-40 type Ramp
        32-32 variable busy
        33-33 method Number
        34-37 method Ring
        38-38 method Default
        40-40 method Dispose
        42-43 module Rounds
        43-43 function start
    """,
    "queue.graphql": """
        1-7 type Parcel
        9-12 enum Care
        14-17 type PostponeInput
        19-19 type Destination
        21-21 type DateTime
        23-23 macro ramp
        25-29 type Mutation
        31-33 interface Node
        35-39 function WaitingParcels
        41-44 function ParcelLine
    """,
    "Queue.groovy": """
        5-12 class Parcel
        11-11 method isHeavy
        14-16 interface Vehicle
        15-15 function load
        18-18 enum Care
        20-40 class ParcelQueue
        23-31 method postpone
        33-35 function the heaviest parcel is taken first
        37-39 function ring
        42-50 section pipeline
        44-48 section Weigh every parcel again
        52-54 section sendSums
    """,
    "queue.jl": """
        3-4 module Depot
        8-8 constant MAX_ATTEMPTS
        10-10 type Vehicle
        12-16 struct Parcel
        18-21 struct Queue
        23-24 function is_heavy
        26-34 function postpone!
        36-38 function Base.length
        40-42 macro ramp
    """,
    "Queue.m": """
        3-3 macro MAX_ATTEMPTS
        5-10 enum DPTCare
        12-14 interface DPTVehicle
        13-14 method loadParcel
        16-20 class DPTParcel
        18-20 method isHeavy
        22-28 class DPTParcel
        24-28 method isHeavy
        30-53 class DPTQueue
        34-37 method sharedQueue
        39-49 method postponeParcel
        51-53 function kilosOf
    """,
    "queue.md": """
        5-34 section The delivery queue
        9-23 section How a parcel is postponed
        20-23 section Holidays
        25-29 section Loading the van
        31-34 section queue.drain() and its limits
    """,
    "queue.mk": """
        1-2 variable RAMP
        3-3 variable SCALES
        4-4 variable DEPOT
        6-7 target all
        9-12 target weigh
        14-15 target %.sum
        17-18 target build report-folder
        20-22 function letter
        24-26 target report
    """,
    "queue.ml": """
        5-5 type care
        7-7 type queue
        8-8 type parcel
        10-10 constant Overloaded
        12-12 variable max_attempts
        14-15 function is_heavy
        17-27 function postpone
        29-35 module Round
        30-30 type t
        32-32 function start
        34-34 function length
        37-39 module VEHICLE
        38-38 function load
        41-45 class ramp
        43-43 method number
        44-44 method ring
    """,
    "queue.nix": """
        5-5 variable version
        7-16 variable scaleDriver
        9-9 variable pname
        11-14 variable src
        15-15 variable buildInputs
        18-18 function rampName
        20-26 function mkService
        29-29 variable packages.loader
        30-31 variable systemd.services.loader
        32-35 function meta
    """,
    "Queue.pm": """
        1-1 module Depot::Queue
        5-5 constant MAX_ATTEMPTS
        7-7 section Postponing a parcel
        13-17 function new
        19-28 function postpone
        30-33 function _send_back
        35-35 module Depot::Ramp
        37-37 function number
    """,
    "queue.proto": """
        5-10 enum Care
        12-27 struct Parcel
        17-20 struct destination
        22-26 struct Locker
        29-29 struct PostponeRequest
        30-33 struct PostponeReply
        35-42 interface Queue
        36-37 method Postpone
        38-41 method Drain
    """,
    "Queue.ps1": """
        7-10 enum Care
        12-24 class Parcel
        16-19 method IsHeavy
        21-23 method Parse
        26-38 function Suspend-Parcel
        40-42 function Send-ParcelBack
        44-44 function Select-Heavy
    """,
    "queue.r": """
        4-4 variable MAX_ATTEMPTS
        6-16 function postpone
        18-18 function weigh street
        20-31 class Queue
        23-29 function take
        33-33 class Ramp
        34-34 function load_van
    """,
    "Queue.sol": """
        6-6 type Overloaded
        8-10 interface IVehicle
        9-9 function load
        12-17 module Weights
        13-16 function isHeavy
        19-52 class Queue
        23-26 struct Parcel
        28-28 enum Care
        30-30 type Postponed
        34-37 function onlyLoader
        39-41 method constructor
        43-49 function postpone
        51-51 method receive
    """,
    "queue.sql": """
        1-8 table parcels
        10-10 index parcels_by_hour
        12-17 view overdue parcels
        19-30 function postpone
        32-33 trigger parcels_audit
        35-35 section parcels
        37-38 section weigh-street
    """,
    "queue.sv": """
        1-2 macro MAX_ATTEMPTS
        4-11 module depot_pkg
        5-5 type care_e
        7-11 function is_heavy
        13-16 interface belt_if
        18-40 module postpone
        28-31 -
        33-40 function ring_bell
        42-44 class scoreboard
    """,
    "queue.tf": """
        1-4 variable depot
        6-9 section locals
        11-16 resource aws_sqs_queue.returns
        18-26 resource aws_sqs_queue.waiting
        28-33 data aws_iam_policy_document.loader
        35-38 module board
        40-42 output queue_url
    """,
    "queue.toml": """
        4-9 section ramp
        11-18 section tariffs.heavy
        20-28 section rounds
    """,
    "queue.yaml": """
        2-20 section services
        3-12 section loader
        4-4 section image
        5-5 section command
        6-10 section environment
        11-12 section depends_on
        13-20 section ledger
        14-14 section image
        15-16 section volumes
        17-20 section healthcheck
        21-23 section volumes
        22-23 section ledger-data
        23-23 section driver
        24-33 section jobs
        25-33 section nightly
        26-33 section steps
        34-34 section quoted key
        35-42 section
        36-36 section kind
        37-38 section metadata
        38-38 section name
        39-42 section data
        40-41 section heavy
        42-42 section limit
    """,
}
