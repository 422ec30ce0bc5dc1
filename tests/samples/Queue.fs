/// Parcels that wait for a van.
module Depot.Queue

open System

type Care =
    | Fragile
    | TwoPeople

[<CLIMutable>]
type Parcel = { Id: int; Kilos: float; Attempts: int }

let maxAttempts = 3

// Whether two people must carry.
let isHeavy (parcel: Parcel) = parcel.Kilos > 31.5

/// Puts a parcel off until the next working day.
let rec postpone (waiting: Parcel list) parcel =
    let tried = { parcel with Attempts = parcel.Attempts + 1 }
    let helper x =
        x + 1
    if tried.Attempts >= maxAttempts then
        Error tried
    else
        Ok(tried :: waiting)

type IVehicle =
    abstract member Load: Parcel -> unit

type Ramp(number: int) =
    let mutable busy = false
    member _.Number = number
    /// Rings the bell at the side door.
    member this.Ring() =
        busy <- true
        printfn "ring %d" this.Number
    static member Default = Ramp(4)
    interface IDisposable with
        member _.Dispose() = ()

module Rounds =
    let start streets = List.head streets
