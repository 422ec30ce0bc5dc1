#' Parcels that wait for a van, as a data frame.
library(R6)

MAX_ATTEMPTS <- 3

#' Puts a parcel off until the next working day.
#'
#' @param parcel One row.
postpone <- function(parcel, calendar = region_calendar()) {
  parcel$attempts <- parcel$attempts + 1
  helper <- function(day) day %in% calendar
  if (parcel$attempts >= MAX_ATTEMPTS) {
    return(send_back(parcel))
  }
  parcel
}

`weigh street` = function(parcels, street) sum(parcels$kilos[parcels$street == street])

Queue <- R6Class("Queue",
  public = list(
    parcels = NULL,
    # Gives the heaviest parcel to the loader.
    take = function() {
      first <- which.max(self$parcels$kilos)
      parcel <- self$parcels[first, ]
      self$parcels <- self$parcels[-first, ]
      parcel
    }
  )
)

setClass("Ramp", representation(number = "numeric"))
setGeneric("load_van", function(ramp, ...) standardGeneric("load_van"))
