cmake_minimum_required(VERSION 3.20)
project(depot LANGUAGES CXX)

option(DEPOT_WITH_SCALE "Build the driver of the scale" ON)
set(DEPOT_SOURCES
    src/queue.cpp
    src/ramp.cpp
    src/tariff.cpp)

# Adds a test that runs with a scale that is simulated.
function(depot_add_test name)
  add_executable(${name} tests/${name}.cpp)
  set(local_only ON)
  target_link_libraries(${name} PRIVATE depot simulated_scale)
  add_test(NAME ${name} COMMAND ${name} --scale=simulated)
endfunction()

macro(depot_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra)
endmacro()

add_library(depot STATIC ${DEPOT_SOURCES})
depot_warnings(depot)

if(DEPOT_WITH_SCALE)
  find_package(libusb REQUIRED)
  add_library(simulated_scale tests/simulated_scale.cpp)
endif()

add_executable(loader src/main.cpp)
depot_add_test(queue_test)
