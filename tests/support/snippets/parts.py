"""The chunks of samples with parts in several languages, and a question that finds each sample."""

# The chunks of files with parts in several languages: lines, kind and name of the main definition, its scope.
PARTS = {
    "Queue.astro": """
        1-8 interface Props <
        10-17 function byStreet <
        19-20 constant streets <
        22-22  <
        23-26 section Rounds of the depot {depot} <
        27-29 section Streets that nobody drives to < Rounds of the depot {depot}
        31-34 rule ol <
        36-42 function refreshOnReturn <
    """,
    "Queue.svelte": """
        1-3 constant LIMIT <
        5-11 variable courier <
        13-17 function refill <
        19-25 function signOff <
        27-33 section Parcels of {courier} <
        35-41 rule .warning <
    """,
    "Queue.vue": """
        1-2  <
        3-6 section Deliveries that wait <
        7-12  < Deliveries that wait
        14-20 interface Parcel <
        22-23 constant urgent <
        25-32 function postpone <
        34-47 rule .queue <
    """,
    "queue.html": """
        1-9 rule tr.overdue td <
        10-11  <
        12-13 section The depot at a glance <
        14-16 section Opening hours of the ramp < The depot at a glance
        17-19 section Lost & found < The depot at a glance
        20-28 function markOverdue <
        29-30  <
    """,
    "queue.ipynb": """
        8-11 section Weights of the night <
        33-34  <
        37-40 function drift <
        48-50 section Which parcels are weighed again <
        71-71 constant LIMIT <
        74-78 class Recheck <
        80-82 method choose < Recheck
        92-92  <
    """,
}
# A question that only the right lines answer, asked with a name for the language that people use.
QUESTIONS = """
astro          Queue.astro       10  which parcels go to one street
clj            queue.clj         25  put a parcel off until the next working day
cmake          queue.cmake       11  test that runs with a simulated scale
css            queue.css         16  overdue row blinks
dart           queue.dart        28  put a parcel off until the next working day
docker         queue.dockerfile   5  compile the driver of the scale
erlang         queue.erl         22  put a parcel off, the third time it goes back
f90            queue.f90         29  put a parcel off until the next working day
f#             Queue.fs          19  put a parcel off until the next working day
gql            queue.graphql     28  office may change: postpone a parcel
gradle         Queue.groovy      44  weigh every parcel again
html           queue.html        15  opening hours of the ramp
jupyter        queue.ipynb       38  relative difference between scale and declared weight
jl             queue.jl          28  put a parcel off until the next working day
objc           Queue.m           40  put a parcel off
markdown       queue.md          20  calendar of the region on a holiday
makefile       queue.mk          10  stop when a scale does not answer
ocaml          queue.ml          18  put a parcel off
nix            queue.nix          8  driver of the scale without a release
perl           Queue.pm          20  put a parcel off, back to its sender
proto          queue.proto       37  put a parcel off until the next working day
pwsh           Queue.ps1         27  put a parcel off until the next working day
r              queue.r           10  put a parcel off until the next working day
sol            Queue.sol         44  put a parcel off, back to its sender
postgresql     queue.sql         20  put a parcel off, third time it goes back
svelte         Queue.svelte      14  ask the depot which parcels wait
systemverilog  queue.sv          34  ring the bell at the side door
terraform      queue.tf          12  parcels that were tried three times
toml           queue.toml        11  weight above which two people carry
vue            Queue.vue         27  put a parcel off until tomorrow and tell the courier
yml            queue.yaml        27  weigh every parcel again
"""
