"""
Parcels that wait for a van.
"""
module Depot

export Queue, postpone!

const MAX_ATTEMPTS = 3

abstract type Vehicle end

mutable struct Parcel
    id::Int
    kilos::Float64
    attempts::Int
end

Base.@kwdef struct Queue{T <: Vehicle}
    van::T
    waiting::Vector{Parcel} = Parcel[]
end

# Short form: whether two people must carry.
is_heavy(parcel::Parcel)::Bool = parcel.kilos > 31.5

"Puts a parcel off until the next working day; the third time it goes back."
function postpone!(queue::Queue, parcel::Parcel)
    parcel.attempts += 1
    limit = MAX_ATTEMPTS
    if parcel.attempts >= limit
        return send_back(parcel)
    end
    push!(queue.waiting, parcel)
end

@inline function Base.length(queue::Queue)
    length(queue.waiting)
end

macro ramp(number)
    :(load($number))
end

end
