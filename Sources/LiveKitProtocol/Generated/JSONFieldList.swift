// swift-format-ignore-file
// Made by scripts/list-json-fields: message, then each field with what stands for it in JSON when it is not set.
enum JSONFieldList {
  static let text = """
  internal.ClaimRequest request_id=text server_id=text affinity=number
  internal.ClaimResponse request_id=text server_id=text
  internal.Msg type_url=text value=text channel=text
  internal.Request request_id=text client_id=text sent_at=long expiry=long multi=bool request=message metadata=map raw_request=text
  internal.Response request_id=text server_id=text sent_at=long response=message error=text code=text raw_response=text error_details=list
  livekit.ActiveSpeakerUpdate speakers=list:livekit.SpeakerInfo
  livekit.AddTrackRequest cid=text name=text type=enum:AUDIO width=number height=number muted=bool disable_dtx=bool source=enum:UNKNOWN sid=text stereo=bool disable_red=bool encryption=enum:NONE stream=text audio_features=list
  livekit.AgentDispatch id=text agent_name=text room=text metadata=text state=message:livekit.AgentDispatchState restart_policy=enum:JRP_ON_FAILURE deployment=text attributes=map
  livekit.AgentDispatchState jobs=list:livekit.Job created_at=long deleted_at=long
  livekit.AliOSSUpload access_key=text secret=text region=text endpoint=text bucket=text
  livekit.AutoParticipantEgress preset=absent advanced=absent:livekit.EncodingOptions file_outputs=list:livekit.EncodedFileOutput segment_outputs=list:livekit.SegmentedFileOutput
  livekit.AutoTrackEgress filepath=text s3=absent:livekit.S3Upload gcp=absent:livekit.GCPUpload azure=absent:livekit.AzureBlobUpload aliOSS=absent:livekit.AliOSSUpload disable_manifest=bool
  livekit.AvailabilityRequest job=message:livekit.Job resuming=bool
  livekit.AvailabilityResponse job_id=text available=bool supports_resume=bool participant_name=text participant_identity=text participant_metadata=text participant_attributes=map terminate=bool
  livekit.AzureBlobUpload account_name=text account_key=text container_name=text
  livekit.ClientConfiguration resume_connection=enum:UNSET force_relay=enum:UNSET
  livekit.ClientInfo sdk=enum:UNKNOWN version=text protocol=number os=text os_version=text device_model=text browser=text browser_version=text address=text network=text other_sdks=text client_protocol=number capabilities=list
  livekit.Codec mime=text fmtp_line=text
  livekit.ConnectionQualityInfo participant_sid=text quality=enum:POOR score=number
  livekit.ConnectionQualityUpdate updates=list:livekit.ConnectionQualityInfo
  livekit.ConnectionSettings auto_subscribe=bool adaptive_stream=bool subscriber_allow_pause=absent disable_ice_lite=bool auto_subscribe_data_track=absent
  livekit.CreateAgentDispatchRequest agent_name=text room=text metadata=text restart_policy=enum:JRP_ON_FAILURE deployment=text attributes=map
  livekit.CreateRoomRequest name=text empty_timeout=number max_participants=number node_id=text metadata=text egress=message:livekit.RoomEgress min_playout_delay=number max_playout_delay=number sync_streams=bool departure_timeout=number room_preset=text replay_enabled=bool agents=list:livekit.RoomAgentDispatch tags=map
  livekit.CreateSIPDispatchRuleRequest rule=message:livekit.SIPDispatchRule trunk_ids=list hide_phone_number=bool name=text metadata=text inbound_numbers=list attributes=map room_preset=text room_config=message:livekit.RoomConfiguration dispatch_rule=message:livekit.SIPDispatchRuleInfo
  livekit.CreateSIPInboundTrunkRequest trunk=message:livekit.SIPInboundTrunkInfo
  livekit.CreateSIPOutboundTrunkRequest trunk=message:livekit.SIPOutboundTrunkInfo
  livekit.CreateSIPParticipantRequest sip_trunk_id=text sip_call_to=text room_name=text participant_identity=text dtmf=text play_ringtone=bool participant_name=text participant_metadata=text participant_attributes=map hide_phone_number=bool ringing_timeout=message max_call_duration=message play_dialtone=bool krisp_enabled=bool sip_number=text headers=map include_headers=enum:SIP_NO_HEADERS media_encryption=enum:SIP_MEDIA_ENCRYPT_DISABLE wait_until_answered=bool trunk=message:livekit.SIPOutboundConfig display_name=absent destination=absent:livekit.Destination media=message:livekit.SIPMediaConfig sip_request_uri=message:livekit.SIPRequestDest sip_to_header=message:livekit.SIPNamedDest sip_from_header=message:livekit.SIPNamedDest to_user_override=text
  livekit.DataChannelInfo label=text id=number target=enum:PUBLISHER
  livekit.DataChannelReceiveState publisher_sid=text last_seq=number
  livekit.DataPacket kind=enum:RELIABLE user=absent:livekit.UserPacket speaker=absent:livekit.ActiveSpeakerUpdate sip_dtmf=absent:livekit.SipDTMF transcription=absent:livekit.Transcription metrics=absent:livekit.MetricsBatch rpc_request=absent:livekit.RpcRequest rpc_ack=absent:livekit.RpcAck rpc_response=absent:livekit.RpcResponse stream_header=absent:livekit.DataStream.Header participant_identity=text destination_identities=list sequence=number participant_sid=text
  livekit.DataStream
  livekit.DataStream.ByteHeader name=text
  livekit.DataStream.Header stream_id=text topic=text text_header=absent:livekit.DataStream.TextHeader byte_header=absent:livekit.DataStream.ByteHeader
  livekit.DataStream.TextHeader generated=bool
  livekit.DeleteAgentDispatchRequest dispatch_id=text room=text
  livekit.DeleteRoomRequest room=text
  livekit.DeleteRoomResponse
  livekit.DeleteSIPDispatchRuleRequest sip_dispatch_rule_id=text
  livekit.DeleteSIPTrunkRequest sip_trunk_id=text
  livekit.Destination city=text country=text region=text
  livekit.EncodedFileOutput file_type=enum:DEFAULT_FILETYPE filepath=text s3=absent:livekit.S3Upload gcp=absent:livekit.GCPUpload azure=absent:livekit.AzureBlobUpload aliOSS=absent:livekit.AliOSSUpload disable_manifest=bool
  livekit.EncodingOptions width=number height=number depth=number framerate=number audio_codec=enum:DEFAULT_AC audio_bitrate=number audio_frequency=number video_codec=enum:DEFAULT_VC video_bitrate=number key_frame_interval=number audio_quality=number video_quality=number
  livekit.Encryption
  livekit.FilterParams include_events=list exclude_events=list
  livekit.ForwardParticipantRequest room=text identity=text destination_room=text
  livekit.ForwardParticipantResponse
  livekit.GCPUpload credentials=text bucket=text proxy=message:livekit.ProxyConfig
  livekit.GetDataBlobRequest request_id=number participant_identity=text
  livekit.GetSIPInboundTrunkRequest sip_trunk_id=text
  livekit.GetSIPInboundTrunkResponse trunk=message:livekit.SIPInboundTrunkInfo
  livekit.GetSIPOutboundTrunkRequest sip_trunk_id=text
  livekit.GetSIPOutboundTrunkResponse trunk=message:livekit.SIPOutboundTrunkInfo
  livekit.ICEServer urls=list username=text credential=text
  livekit.ImageOutput capture_interval=number width=number height=number filename_prefix=text filename_suffix=enum:IMAGE_SUFFIX_INDEX image_codec=enum:IC_DEFAULT disable_manifest=bool s3=absent:livekit.S3Upload gcp=absent:livekit.GCPUpload azure=absent:livekit.AzureBlobUpload aliOSS=absent:livekit.AliOSSUpload
  livekit.Job id=text type=enum:JT_ROOM room=message:livekit.Room participant=absent:livekit.ParticipantInfo namespace=text metadata=text agent_name=text state=message:livekit.JobState dispatch_id=text enable_recording=bool deployment=text attributes=map enable_redaction=bool
  livekit.JobAssignment job=message:livekit.Job url=absent token=text
  livekit.JobState status=enum:JS_PENDING error=text started_at=long ended_at=long updated_at=long participant_identity=text worker_id=text agent_id=text
  livekit.JobTermination job_id=text
  livekit.JoinRequest client_info=message:livekit.ClientInfo connection_settings=message:livekit.ConnectionSettings metadata=text participant_attributes=map add_track_requests=list:livekit.AddTrackRequest publisher_offer=message:livekit.SessionDescription reconnect=bool reconnect_reason=enum:RR_UNKNOWN participant_sid=text sync_state=message:livekit.SyncState
  livekit.JoinResponse room=message:livekit.Room participant=message:livekit.ParticipantInfo other_participants=list:livekit.ParticipantInfo server_version=text ice_servers=list:livekit.ICEServer subscriber_primary=bool alternative_url=text client_configuration=message:livekit.ClientConfiguration server_region=text ping_timeout=number ping_interval=number server_info=message:livekit.ServerInfo sif_trailer=text enabled_publish_codecs=list:livekit.Codec fast_publish=bool
  livekit.LeaveRequest can_reconnect=bool reason=enum:UNKNOWN_REASON action=enum:DISCONNECT regions=message:livekit.RegionSettings
  livekit.ListAgentDispatchRequest dispatch_id=text room=text
  livekit.ListAgentDispatchResponse agent_dispatches=list:livekit.AgentDispatch
  livekit.ListParticipantsRequest room=text
  livekit.ListParticipantsResponse participants=list:livekit.ParticipantInfo
  livekit.ListRoomsRequest names=list
  livekit.ListRoomsResponse rooms=list:livekit.Room
  livekit.ListSIPDispatchRuleRequest dispatch_rule_ids=list trunk_ids=list page=message:livekit.Pagination
  livekit.ListSIPDispatchRuleResponse items=list:livekit.SIPDispatchRuleInfo
  livekit.ListSIPInboundTrunkRequest trunk_ids=list numbers=list page=message:livekit.Pagination
  livekit.ListSIPInboundTrunkResponse items=list:livekit.SIPInboundTrunkInfo
  livekit.ListSIPOutboundTrunkRequest trunk_ids=list numbers=list page=message:livekit.Pagination
  livekit.ListSIPOutboundTrunkResponse items=list:livekit.SIPOutboundTrunkInfo
  livekit.ListSIPTrunkRequest page=message:livekit.Pagination
  livekit.ListSIPTrunkResponse items=list:livekit.SIPTrunkInfo
  livekit.ListUpdate set=list add=list remove=list clear=bool
  livekit.MediaSectionsRequirement num_audios=number num_videos=number
  livekit.MetricsBatch
  livekit.MigrateJobRequest job_ids=list
  livekit.MoveParticipantRequest room=text identity=text destination_room=text
  livekit.MoveParticipantResponse
  livekit.MuteRoomTrackRequest room=text identity=text track_sid=text muted=bool
  livekit.MuteRoomTrackResponse track=message:livekit.TrackInfo
  livekit.MuteTrackRequest sid=text muted=bool
  livekit.Pagination after_id=text limit=number
  livekit.ParticipantInfo sid=text identity=text state=enum:JOINING tracks=list:livekit.TrackInfo metadata=text joined_at=long name=text version=number permission=message:livekit.ParticipantPermission region=text is_publisher=bool kind=enum:STANDARD attributes=map disconnect_reason=enum:UNKNOWN_REASON joined_at_ms=long kind_details=list client_protocol=number capabilities=list
  livekit.ParticipantPermission can_subscribe=bool can_publish=bool can_publish_data=bool hidden=bool recorder=bool can_publish_sources=list can_update_metadata=bool agent=bool can_subscribe_metrics=bool can_manage_agent_session=bool
  livekit.ParticipantTracks participant_sid=text track_sids=list
  livekit.ParticipantUpdate participants=list:livekit.ParticipantInfo
  livekit.PerformRpcRequest room=text destination_identity=text method=text payload=text response_timeout_ms=number
  livekit.PerformRpcResponse payload=text
  livekit.Ping timestamp=long rtt=long
  livekit.Pong last_ping_timestamp=long timestamp=long
  livekit.ProviderInfo id=text name=text type=enum:PROVIDER_TYPE_UNKNOWN prevent_transfer=bool
  livekit.ProxyConfig url=text username=text password=text
  livekit.PublishDataTrackRequest pub_handle=number name=text encryption=enum:NONE
  livekit.ReconnectResponse ice_servers=list:livekit.ICEServer client_configuration=message:livekit.ClientConfiguration server_info=message:livekit.ServerInfo last_message_seq=number
  livekit.RegionInfo region=text url=text distance=long
  livekit.RegionSettings regions=list:livekit.RegionInfo
  livekit.RegisterWorkerRequest type=enum:JT_ROOM version=text ping_interval=number namespace=absent allowed_permissions=message:livekit.ParticipantPermission agent_name=text deployment=text
  livekit.RegisterWorkerResponse worker_id=text server_info=message:livekit.ServerInfo
  livekit.RemoveParticipantResponse
  livekit.RequestResponse request_id=number reason=enum:OK message=text trickle=absent:livekit.TrickleRequest add_track=absent:livekit.AddTrackRequest mute=absent:livekit.MuteTrackRequest update_metadata=absent:livekit.UpdateParticipantMetadata update_audio_track=absent:livekit.UpdateLocalAudioTrack update_video_track=absent:livekit.UpdateLocalVideoTrack publish_data_track=absent:livekit.PublishDataTrackRequest unpublish_data_track=absent:livekit.UnpublishDataTrackRequest
  livekit.Room sid=text name=text empty_timeout=number max_participants=number creation_time=long turn_password=text enabled_codecs=list:livekit.Codec metadata=text num_participants=number active_recording=bool num_publishers=number version=message:livekit.TimedVersion departure_timeout=number creation_time_ms=long
  livekit.RoomAgentDispatch agent_name=text metadata=text restart_policy=enum:JRP_ON_FAILURE deployment=text attributes=map
  livekit.RoomCompositeEgressRequest room_name=text layout=text audio_only=bool video_only=bool custom_base_url=text file=absent:livekit.EncodedFileOutput stream=absent:livekit.StreamOutput segments=absent:livekit.SegmentedFileOutput preset=absent advanced=absent:livekit.EncodingOptions file_outputs=list:livekit.EncodedFileOutput stream_outputs=list:livekit.StreamOutput segment_outputs=list:livekit.SegmentedFileOutput image_outputs=list:livekit.ImageOutput audio_mixing=enum:DEFAULT_MIXING webhooks=list:livekit.WebhookConfig
  livekit.RoomConfiguration name=text empty_timeout=number departure_timeout=number max_participants=number egress=message:livekit.RoomEgress min_playout_delay=number max_playout_delay=number sync_streams=bool agents=list:livekit.RoomAgentDispatch metadata=text tags=map
  livekit.RoomEgress room=message:livekit.RoomCompositeEgressRequest tracks=message:livekit.AutoTrackEgress participant=message:livekit.AutoParticipantEgress
  livekit.RoomMovedResponse room=message:livekit.Room token=text participant=message:livekit.ParticipantInfo other_participants=list:livekit.ParticipantInfo
  livekit.RoomParticipantIdentity room=text identity=text revoke_token_ts=long
  livekit.RoomUpdate room=message:livekit.Room
  livekit.RpcAck request_id=text
  livekit.RpcError code=number message=text data=text
  livekit.RpcRequest id=text method=text payload=text response_timeout_ms=number version=number compressed_payload=text
  livekit.RpcResponse request_id=text payload=absent error=absent:livekit.RpcError compressed_payload=absent
  livekit.S3Upload access_key=text secret=text region=text endpoint=text bucket=text force_path_style=bool metadata=map tagging=text content_disposition=text proxy=message:livekit.ProxyConfig session_token=text assume_role_arn=text assume_role_external_id=text
  livekit.SIPCallInfo call_id=text trunk_id=text room_name=text room_id=text participant_identity=text from_uri=message:livekit.SIPUri to_uri=message:livekit.SIPUri call_status=enum:SCS_CALL_INCOMING created_at=long started_at=long ended_at=long disconnect_reason=enum:UNKNOWN_REASON error=text enabled_features=list call_direction=enum:SCD_UNKNOWN dispatch_rule_id=text region=text participant_attributes=map call_status_code=message:livekit.SIPStatus audio_codec=text media_encryption=text created_at_ns=long started_at_ns=long ended_at_ns=long pcap_file_link=text call_context=list provider_info=message:livekit.ProviderInfo sip_call_id=text
  livekit.SIPCodec name=text rate=number
  livekit.SIPDispatchRule dispatch_rule_direct=absent:livekit.SIPDispatchRuleDirect dispatch_rule_individual=absent:livekit.SIPDispatchRuleIndividual dispatch_rule_callee=absent:livekit.SIPDispatchRuleCallee
  livekit.SIPDispatchRuleCallee room_prefix=text pin=text randomize=bool
  livekit.SIPDispatchRuleDirect room_name=text pin=text
  livekit.SIPDispatchRuleIndividual room_prefix=text pin=text no_randomness=bool
  livekit.SIPDispatchRuleInfo sip_dispatch_rule_id=text rule=message:livekit.SIPDispatchRule trunk_ids=list hide_phone_number=bool name=text metadata=text inbound_numbers=list attributes=map room_preset=text room_config=message:livekit.RoomConfiguration krisp_enabled=bool media_encryption=enum:SIP_MEDIA_ENCRYPT_DISABLE numbers=list created_at=message updated_at=message media=message:livekit.SIPMediaConfig
  livekit.SIPDispatchRuleUpdate trunk_ids=message:livekit.ListUpdate rule=message:livekit.SIPDispatchRule name=absent metadata=absent attributes=map media_encryption=absent media=message:livekit.SIPMediaConfig
  livekit.SIPInboundTrunkInfo sip_trunk_id=text name=text metadata=text numbers=list allowed_addresses=list allowed_numbers=list auth_username=text auth_password=text headers=map headers_to_attributes=map ringing_timeout=message max_call_duration=message krisp_enabled=bool attributes_to_headers=map include_headers=enum:SIP_NO_HEADERS media_encryption=enum:SIP_MEDIA_ENCRYPT_DISABLE created_at=message updated_at=message auth_realm=text media=message:livekit.SIPMediaConfig ringing_timeout_status=enum:SIP_STATUS_UNKNOWN
  livekit.SIPInboundTrunkUpdate numbers=message:livekit.ListUpdate allowed_addresses=message:livekit.ListUpdate allowed_numbers=message:livekit.ListUpdate auth_username=absent auth_password=absent name=absent metadata=absent media_encryption=absent auth_realm=absent media=message:livekit.SIPMediaConfig
  livekit.SIPMediaConfig only_listed_codecs=bool codecs=list:livekit.SIPCodec encryption=absent media_timeout=absent
  livekit.SIPNamedDest raw=absent values=absent:livekit.SIPUri display_name=text
  livekit.SIPOutboundConfig hostname=text transport=enum:SIP_TRANSPORT_AUTO auth_username=text auth_password=text headers_to_attributes=map attributes_to_headers=map destination_country=text from_host=text
  livekit.SIPOutboundTrunkInfo sip_trunk_id=text name=text metadata=text address=text transport=enum:SIP_TRANSPORT_AUTO numbers=list auth_username=text auth_password=text headers=map headers_to_attributes=map attributes_to_headers=map include_headers=enum:SIP_NO_HEADERS media_encryption=enum:SIP_MEDIA_ENCRYPT_DISABLE destination_country=text from_host=text created_at=message updated_at=message media=message:livekit.SIPMediaConfig
  livekit.SIPOutboundTrunkUpdate address=absent transport=absent numbers=message:livekit.ListUpdate auth_username=absent auth_password=absent name=absent metadata=absent media_encryption=absent destination_country=absent from_host=absent media=message:livekit.SIPMediaConfig
  livekit.SIPParticipantInfo participant_id=text participant_identity=text room_name=text sip_call_id=text
  livekit.SIPRequestDest raw=absent values=absent:livekit.SIPUri
  livekit.SIPStatus code=enum:SIP_STATUS_UNKNOWN status=text
  livekit.SIPTransferError transfer_id=text reason=enum:STR_UNSPECIFIED sip_status=message:livekit.SIPStatus
  livekit.SIPTransferInfo transfer_id=text call_id=text transfer_to=text transfer_initiated_at_ns=long transfer_completed_at_ns=long transfer_status=enum:STS_TRANSFER_ONGOING error=text transfer_status_code=message:livekit.SIPStatus reason=enum:STR_UNSPECIFIED
  livekit.SIPTrunkInfo sip_trunk_id=text inbound_addresses=list outbound_address=text outbound_number=text inbound_numbers_regex=list inbound_username=text inbound_password=text outbound_username=text outbound_password=text inbound_numbers=list name=text metadata=text transport=enum:SIP_TRANSPORT_AUTO kind=enum:TRUNK_LEGACY
  livekit.SIPUri user=text host=text ip=text port=number transport=enum:SIP_TRANSPORT_AUTO
  livekit.SegmentedFileOutput protocol=enum:DEFAULT_SEGMENTED_FILE_PROTOCOL filename_prefix=text playlist_name=text segment_duration=number s3=absent:livekit.S3Upload gcp=absent:livekit.GCPUpload azure=absent:livekit.AzureBlobUpload aliOSS=absent:livekit.AliOSSUpload disable_manifest=bool filename_suffix=enum:INDEX live_playlist_name=text
  livekit.SendDataRequest room=text data=text kind=enum:RELIABLE destination_sids=list topic=absent destination_identities=list nonce=text
  livekit.SendDataResponse
  livekit.ServerInfo edition=enum:Standard version=text protocol=number region=text node_id=text debug_info=text agent_protocol=number
  livekit.ServerMessage register=absent:livekit.RegisterWorkerResponse availability=absent:livekit.AvailabilityRequest assignment=absent:livekit.JobAssignment pong=absent:livekit.WorkerPong termination=absent:livekit.JobTermination
  livekit.SessionDescription type=text sdp=text id=number mid_to_track_id=map
  livekit.SignalRequest offer=absent:livekit.SessionDescription answer=absent:livekit.SessionDescription trickle=absent:livekit.TrickleRequest add_track=absent:livekit.AddTrackRequest mute=absent:livekit.MuteTrackRequest subscription=absent:livekit.UpdateSubscription track_setting=absent:livekit.UpdateTrackSettings leave=absent:livekit.LeaveRequest subscription_permission=absent:livekit.SubscriptionPermission sync_state=absent:livekit.SyncState ping=absent update_metadata=absent:livekit.UpdateParticipantMetadata ping_req=absent:livekit.Ping update_audio_track=absent:livekit.UpdateLocalAudioTrack update_video_track=absent:livekit.UpdateLocalVideoTrack publish_data_track_request=absent:livekit.PublishDataTrackRequest unpublish_data_track_request=absent:livekit.UnpublishDataTrackRequest store_data_blob_request=absent:livekit.StoreDataBlobRequest get_data_blob_request=absent:livekit.GetDataBlobRequest
  livekit.SignalResponse join=absent:livekit.JoinResponse answer=absent:livekit.SessionDescription offer=absent:livekit.SessionDescription trickle=absent:livekit.TrickleRequest update=absent:livekit.ParticipantUpdate track_published=absent:livekit.TrackPublishedResponse leave=absent:livekit.LeaveRequest mute=absent:livekit.MuteTrackRequest speakers_changed=absent:livekit.SpeakersChanged room_update=absent:livekit.RoomUpdate connection_quality=absent:livekit.ConnectionQualityUpdate subscription_permission_update=absent:livekit.SubscriptionPermissionUpdate refresh_token=absent track_unpublished=absent:livekit.TrackUnpublishedResponse pong=absent reconnect=absent:livekit.ReconnectResponse pong_resp=absent:livekit.Pong subscription_response=absent:livekit.SubscriptionResponse request_response=absent:livekit.RequestResponse track_subscribed=absent:livekit.TrackSubscribed room_moved=absent:livekit.RoomMovedResponse media_sections_requirement=absent:livekit.MediaSectionsRequirement
  livekit.SimulateJobRequest type=enum:JT_ROOM room=message:livekit.Room participant=message:livekit.ParticipantInfo
  livekit.SipDTMF code=number digit=text
  livekit.SpeakerInfo sid=text level=number active=bool
  livekit.SpeakersChanged speakers=list:livekit.SpeakerInfo
  livekit.StoreDataBlobRequest request_id=number
  livekit.StreamDestination id=text url=text
  livekit.StreamOutput protocol=enum:DEFAULT_PROTOCOL urls=list destinations=list:livekit.StreamDestination
  livekit.SubscriptionPermission all_participants=bool track_permissions=list:livekit.TrackPermission
  livekit.SubscriptionPermissionUpdate participant_sid=text track_sid=text allowed=bool
  livekit.SubscriptionResponse track_sid=text err=enum:SE_UNKNOWN
  livekit.SyncState answer=message:livekit.SessionDescription subscription=message:livekit.UpdateSubscription publish_tracks=list:livekit.TrackPublishedResponse data_channels=list:livekit.DataChannelInfo offer=message:livekit.SessionDescription track_sids_disabled=list datachannel_receive_states=list:livekit.DataChannelReceiveState
  livekit.TimedVersion unix_micro=long ticks=number
  livekit.TrackInfo sid=text type=enum:AUDIO name=text muted=bool width=number height=number simulcast=bool disable_dtx=bool source=enum:UNKNOWN mime_type=text mid=text stereo=bool disable_red=bool encryption=enum:NONE stream=text version=message:livekit.TimedVersion audio_features=list
  livekit.TrackPermission participant_sid=text all_tracks=bool track_sids=list participant_identity=text
  livekit.TrackPublishedResponse cid=text track=message:livekit.TrackInfo
  livekit.TrackSubscribed track_sid=text
  livekit.TrackUnpublishedResponse track_sid=text
  livekit.Transcription transcribed_participant_identity=text
  livekit.TransferSIPParticipantRequest participant_identity=text room_name=text transfer_to=text play_dialtone=bool headers=map ringing_timeout=message
  livekit.TransferSIPParticipantResponse transfer_id=text status=enum:STS_TRANSFER_ONGOING reason=enum:STR_UNSPECIFIED sip_status=message:livekit.SIPStatus
  livekit.TrickleRequest candidateInit=text target=enum:PUBLISHER final=bool
  livekit.UnpublishDataTrackRequest pub_handle=number
  livekit.UpdateJobStatus job_id=text status=enum:JS_PENDING error=text
  livekit.UpdateLocalAudioTrack track_sid=text features=list
  livekit.UpdateLocalVideoTrack track_sid=text width=number height=number
  livekit.UpdateParticipantMetadata metadata=text name=text attributes=map request_id=number
  livekit.UpdateParticipantRequest room=text identity=text metadata=text permission=message:livekit.ParticipantPermission name=text attributes=map
  livekit.UpdateRoomMetadataRequest room=text metadata=text
  livekit.UpdateSIPDispatchRuleRequest sip_dispatch_rule_id=text replace=absent:livekit.SIPDispatchRuleInfo update=absent:livekit.SIPDispatchRuleUpdate
  livekit.UpdateSIPInboundTrunkRequest sip_trunk_id=text replace=absent:livekit.SIPInboundTrunkInfo update=absent:livekit.SIPInboundTrunkUpdate
  livekit.UpdateSIPOutboundTrunkRequest sip_trunk_id=text replace=absent:livekit.SIPOutboundTrunkInfo update=absent:livekit.SIPOutboundTrunkUpdate
  livekit.UpdateSubscription track_sids=list subscribe=bool participant_tracks=list:livekit.ParticipantTracks
  livekit.UpdateSubscriptionsRequest room=text identity=text track_sids=list subscribe=bool participant_tracks=list:livekit.ParticipantTracks
  livekit.UpdateSubscriptionsResponse
  livekit.UpdateTrackSettings track_sids=list disabled=bool width=number height=number fps=number priority=number
  livekit.UpdateWorkerStatus status=absent load=number job_count=number
  livekit.UserPacket participant_sid=text payload=text destination_sids=list topic=absent participant_identity=text destination_identities=list id=absent start_time=absent end_time=absent nonce=text
  livekit.WebhookConfig url=text signing_key=text filter_params=message:livekit.FilterParams
  livekit.WebhookEvent event=text room=message:livekit.Room participant=message:livekit.ParticipantInfo id=text created_at=long track=message:livekit.TrackInfo num_dropped=number job=message:livekit.Job room_end_reason=enum:ROOM_END_UNKNOWN
  livekit.WorkerMessage register=absent:livekit.RegisterWorkerRequest availability=absent:livekit.AvailabilityResponse update_worker=absent:livekit.UpdateWorkerStatus update_job=absent:livekit.UpdateJobStatus ping=absent:livekit.WorkerPing simulate_job=absent:livekit.SimulateJobRequest migrate_job=absent:livekit.MigrateJobRequest
  livekit.WorkerPing timestamp=long
  livekit.WorkerPong last_timestamp=long timestamp=long
  livekit.WrappedJoinRequest compression=enum:NONE join_request=text
  rpc.EvaluateSIPDispatchRulesRequest sip_participant_id=text calling_number=text called_number=text src_address=text pin=text no_pin=bool called_host=text sip_call_id=text extra_attributes=map sip_trunk_id=text calling_host=text call=message:rpc.SIPCall
  rpc.EvaluateSIPDispatchRulesResponse room_name=text participant_identity=text request_pin=bool token=text ws_url=text result=enum:LEGACY_ACCEPT_OR_PIN participant_name=text participant_metadata=text sip_trunk_id=text sip_dispatch_rule_id=text participant_attributes=map project_id=text headers=map headers_to_attributes=map enabled_features=list ringing_timeout=message max_call_duration=message attributes_to_headers=map include_headers=enum:SIP_NO_HEADERS room_preset=text room_config=message:livekit.RoomConfiguration media_encryption=enum:SIP_MEDIA_ENCRYPT_DISABLE feature_flags=map media=message:livekit.SIPMediaConfig
  rpc.GetSIPTrunkAuthenticationRequest from=text to=text src_address=text to_host=text sip_call_id=text from_host=text call=message:rpc.SIPCall
  rpc.GetSIPTrunkAuthenticationResponse username=text password=text drop=bool sip_trunk_id=text project_id=text provider_info=message:livekit.ProviderInfo error_code=enum:SIP_TRUNK_AUTH_ERROR_NONE feature_flags=map realm=text
  rpc.InternalCreateSIPParticipantRequest address=text number=text call_to=text username=text password=text room_name=text participant_identity=text token=text ws_url=text dtmf=text play_dialtone=bool sip_call_id=text participant_name=text participant_metadata=text transport=enum:SIP_TRANSPORT_AUTO participant_attributes=map project_id=text sip_trunk_id=text hostname=text headers=map headers_to_attributes=map ringing_timeout=message max_call_duration=message enabled_features=list attributes_to_headers=map include_headers=enum:SIP_NO_HEADERS media_encryption=enum:SIP_MEDIA_ENCRYPT_DISABLE wait_until_answered=bool destination_country=text display_name=absent destination=message:livekit.Destination feature_flags=map media=message:livekit.SIPMediaConfig sip_request_uri=message:livekit.SIPRequestDest sip_from_header=message:livekit.SIPNamedDest sip_to_header=message:livekit.SIPNamedDest to_user_override=text
  rpc.InternalCreateSIPParticipantResponse participant_id=text participant_identity=text sip_call_id=text
  rpc.InternalTransferSIPParticipantRequest sip_call_id=text transfer_to=text play_dialtone=bool headers=map ringing_timeout=message feature_flags=map
  rpc.InternalTransferSIPParticipantResponse transfer_id=text status=enum:STS_TRANSFER_ONGOING reason=enum:STR_UNSPECIFIED sip_status=message:livekit.SIPStatus
  rpc.RecordCallContextRequest call_info=message:livekit.SIPCallInfo
  rpc.SIPCall lk_call_id=text source_ip=text address=message:livekit.SIPUri from=message:livekit.SIPUri to=message:livekit.SIPUri via=list:livekit.SIPUri sip_call_id=text project_id=text features=map
  rpc.UpdateSIPCallStateRequest call_info=message:livekit.SIPCallInfo transfer_info=message:livekit.SIPTransferInfo
  trunkline.Call call_id=text sip_call_id=text direction=enum:SCD_UNKNOWN state=enum:CALL_STATE_UNKNOWN from=text to=text peer=text trunk_id=text trunk_name=text rule_id=text rule_name=text room_name=text participant_identity=text started_at=message answered_at=message codec=text waits_for=text
  trunkline.CallEvent event=text room=message:livekit.Room participant=message:livekit.ParticipantInfo id=text created_at=long sip_call_info=message:livekit.SIPCallInfo sip_transfer_info=message:livekit.SIPTransferInfo sip_dtmf=message:livekit.SipDTMF end_reason=text
  trunkline.GetCallRequest call_id=text
  trunkline.HangUpRequest call_id=text
  trunkline.ListCallsRequest room_name=text
  trunkline.ListCallsResponse calls=list:trunkline.Call
  """
}
