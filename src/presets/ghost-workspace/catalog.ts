import { defineCatalog } from '../../catalog/define.ts'
import type { Catalog, EventsOf } from '../../contracts/catalog.ts'

/**
 * The categories and events of a Ghost workspace (Settings > Integrations). Its documentation names the categories, and
 * of the events `case_assigned`, `breach_logged` and `member_joined`; the other ids follow what it says each category
 * holds. To add your own: `defineCatalog({ categories: { ...ghostWorkspaceCategories, … } })`.
 */
export const ghostWorkspaceCategories = {
  privacy_requests: {
    label: 'Privacy Request Cases & Tasks',
    description: 'Case lifecycle, tasks, deadlines, intakes, response packs, comments, identity verification',
    events: {
      case_created: { label: 'Case created' },
      case_assigned: { label: 'Case assigned' },
      case_status_changed: { label: 'Case status changed' },
      case_deadline_approaching: { label: 'Case deadline approaching' },
      case_deadline_extended: { label: 'Case deadline extended' },
      case_overdue: { label: 'Case overdue' },
      case_closed: { label: 'Case closed' },
      case_reopened: { label: 'Case reopened' },
      case_comment_added: { label: 'Comment on a case' },
      task_assigned: { label: 'Task assigned' },
      task_completed: { label: 'Task completed' },
      task_due_soon: { label: 'Task due soon' },
      task_overdue: { label: 'Task overdue' },
      intake_received: { label: 'Intake received' },
      response_pack_ready: { label: 'Response pack ready' },
      response_pack_sent: { label: 'Response pack sent' },
      identity_verification_requested: { label: 'Identity verification requested' },
      identity_verification_completed: { label: 'Identity verification completed' },
      identity_verification_failed: { label: 'Identity verification failed' },
    },
  },
  article_30: {
    label: 'Article 30 Register',
    description: 'Processing activities, gap alerts, review-due reminders',
    events: {
      processing_activity_created: { label: 'Processing activity created' },
      processing_activity_updated: { label: 'Processing activity updated' },
      processing_activity_archived: { label: 'Processing activity archived' },
      processing_activity_gap_found: { label: 'Gap in a processing activity' },
      processing_activity_review_due: { label: 'Processing activity due for review' },
    },
  },
  team: {
    label: 'Team',
    description: 'Invitations, joins, removals, roles, matter access',
    events: {
      member_invited: { label: 'Member invited' },
      member_joined: { label: 'Member joined' },
      member_removed: { label: 'Member removed' },
      member_role_changed: { label: 'Role of a member changed' },
      matter_access_granted: { label: 'Access to a matter granted' },
      matter_access_revoked: { label: 'Access to a matter revoked' },
    },
  },
  redaction: {
    label: 'Redaction',
    description: 'Review comments and related',
    events: {
      redaction_review_requested: { label: 'Redaction review requested' },
      redaction_comment_added: { label: 'Comment on a redaction' },
      redaction_comment_resolved: { label: 'Comment on a redaction resolved' },
      redaction_review_completed: { label: 'Redaction review completed' },
    },
  },
  breach: {
    label: 'Breach register',
    description: 'Breach logging, reminders of deadlines of the DPC or another authority',
    events: {
      breach_logged: { label: 'Breach logged' },
      breach_updated: { label: 'Breach updated' },
      breach_assigned: { label: 'Breach assigned' },
      breach_severity_changed: { label: 'Severity of a breach changed' },
      breach_authority_deadline_approaching: { label: 'Deadline to notify the authority approaching' },
      breach_authority_deadline_missed: { label: 'Deadline to notify the authority missed' },
      breach_authority_notified: { label: 'Authority notified of a breach' },
      breach_subjects_notified: { label: 'Data subjects notified of a breach' },
      breach_closed: { label: 'Breach closed' },
    },
  },
  dpia: {
    label: 'DPIA',
    events: {
      dpia_created: { label: 'DPIA created' },
      dpia_assigned: { label: 'DPIA assigned' },
      dpia_submitted: { label: 'DPIA submitted for review' },
      dpia_approved: { label: 'DPIA approved' },
      dpia_rejected: { label: 'DPIA rejected' },
      dpia_review_due: { label: 'DPIA due for review' },
    },
  },
  third_parties: {
    label: 'Third Parties',
    events: {
      third_party_added: { label: 'Third party added' },
      third_party_updated: { label: 'Third party updated' },
      third_party_assessment_completed: { label: 'Assessment of a third party completed' },
      third_party_agreement_expiring: { label: 'Agreement with a third party expiring' },
      third_party_review_due: { label: 'Third party due for review' },
    },
  },
  retention: {
    label: 'Retention',
    events: {
      retention_rule_created: { label: 'Retention rule created' },
      retention_rule_updated: { label: 'Retention rule updated' },
      retention_period_expiring: { label: 'Retention period expiring' },
      retention_disposal_due: { label: 'Disposal due' },
      retention_disposal_completed: { label: 'Disposal completed' },
    },
  },
  consent: {
    label: 'Consent',
    events: {
      consent_recorded: { label: 'Consent recorded' },
      consent_withdrawn: { label: 'Consent withdrawn' },
      consent_expiring: { label: 'Consent expiring' },
      consent_notice_updated: { label: 'Consent notice updated' },
    },
  },
  training: {
    label: 'Training',
    events: {
      training_assigned: { label: 'Training assigned' },
      training_completed: { label: 'Training completed' },
      training_due_soon: { label: 'Training due soon' },
      training_overdue: { label: 'Training overdue' },
    },
  },
  policies: {
    label: 'Policies',
    events: {
      policy_published: { label: 'Policy published' },
      policy_updated: { label: 'Policy updated' },
      policy_acknowledgement_requested: { label: 'Acknowledgement of a policy requested' },
      policy_acknowledged: { label: 'Policy acknowledged' },
      policy_review_due: { label: 'Policy due for review' },
    },
  },
} as const

/** The ids of the categories of a Ghost workspace. */
export type GhostWorkspaceCategory = keyof typeof ghostWorkspaceCategories

/** An event as a Ghost workspace dispatches it; `type` is one of its event ids. */
export type GhostWorkspaceEvent = EventsOf<typeof ghostWorkspaceCategories>

/** The catalog of a Ghost workspace: 11 categories. */
export const ghostWorkspaceCatalog: Catalog<GhostWorkspaceEvent, GhostWorkspaceCategory> = defineCatalog({
  categories: ghostWorkspaceCategories,
})
