(** Parcels that wait for a van. *)

open Printf

type care = Fragile | Two_people

type 'a queue = { mutable waiting : 'a list; ramp : int }
and parcel = { id : int; kilos : float }

exception Overloaded of float

let max_attempts = 3

(* Whether two people must carry. *)
let is_heavy parcel = parcel.kilos > 31.5

(** Puts a parcel off until the next working day. *)
let rec postpone ?(attempts = 0) queue parcel =
  let limit = max_attempts in
  let helper x =
    x + 1
  in
  if attempts >= limit then raise (Overloaded parcel.kilos)
  else begin
    queue.waiting <- queue.waiting @ [ parcel ];
    helper attempts
  end

module Round = struct
  type t = string list

  let start streets = List.hd streets

  let length (streets : t) = List.length streets
end

module type VEHICLE = sig
  val load : parcel -> unit
end

class ramp number =
  object
    method number : int = number
    method private ring = printf "ring %d\n" number
  end
