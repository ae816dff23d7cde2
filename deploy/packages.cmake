# Debian packages of what is installed: `cpack` in a build folder. kutils has the tools with their libraries, pages, completion
# and the systemd unit; kutils-doc the rest of the documentation and the files of deploy/.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME kutils)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_PACKAGE_CONTACT "kutils maintainers <maintainers@kutils.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL Unspecified doc)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_NAME kutils)
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_SECTION utils)
# Below the project's description, which cpack takes for the first line.
set(CPACK_DEBIAN_UNSPECIFIED_DESCRIPTION "Small programs, each doing one thing to a topic of Apache Kafka and writing
another: filters, projections, tables, windows and joins, exactly once, put
together in shell scripts; and tools to look into topics, groups and state.")
# The libraries that a package needs are read off its programs; those of our own lie in a folder of theirs.
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_BINARY_DIR}/${KUTILS_LIBRARY_DIR})
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_DEPENDS tzdata)
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_RECOMMENDS "ca-certificates, libsasl2-modules")
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_SUGGESTS kutils-doc)
set(CPACK_DEBIAN_DOC_PACKAGE_NAME kutils-doc)
set(CPACK_DEBIAN_DOC_PACKAGE_SECTION doc)
set(CPACK_DEBIAN_DOC_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_DOC_DESCRIPTION "coreutils for Kafka topics - documentation and examples
 How kutils is built, the scripts of its examples, and what runs its tools as
 services: manifests of Kubernetes, a dashboard, alerts.")

# The date of the version, as a Debian changelog writes it.
execute_process(COMMAND date -u -R -d ${KUTILS_DATE} OUTPUT_VARIABLE CPACK_KUTILS_DATE OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/debian/finish.cmake)

install(FILES deploy/debian/copyright DESTINATION share/doc/kutils)
install(FILES deploy/systemd/kutils@.service DESTINATION lib/systemd/system)
install(FILES deploy/debian/copyright DESTINATION share/doc/kutils-doc COMPONENT doc)
install(FILES README.md ARCHITECTURE.md CHANGELOG.md DESTINATION share/doc/kutils-doc COMPONENT doc)
install(DIRECTORY scripts/examples DESTINATION share/doc/kutils-doc USE_SOURCE_PERMISSIONS COMPONENT doc)
install(FILES deploy/Containerfile DESTINATION share/doc/kutils-doc/deploy COMPONENT doc)
install(DIRECTORY deploy/kubernetes deploy/prometheus deploy/grafana DESTINATION share/doc/kutils-doc/deploy COMPONENT doc)
include(CPack)
